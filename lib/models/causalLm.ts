/** A decoder-only language model: embedding, decoder layers, final norm, head. Reads like the paper. */
import * as tf from "@tensorflow/tfjs";
import { fail } from "../errors.js";
import type { DecoderTexts } from "../native/addon.js";
import type { DeviceDecoder } from "../tensor/cuda/decoder.js";
import type { ComputeType } from "../tensor/cuda/weights.js";
import {
  type DecoderLayer,
  type KvCache,
  type NetworkParts,
  type PackedBatch,
  type PackedSequences,
  type PassOptions,
  PROJECTIONS,
  type Weight,
} from "../tensor/layers.js";
import { releaseCaches, releaseModel } from "../tensor/memory.js";
import {
  advance,
  createDecoder,
  createKvCache,
  decoderLayer,
  decoderLayerCached,
  embedding,
  linear,
  linearCrossEntropy,
  rmsNorm,
  trainingPass,
} from "../tensor/ops.js";
import type { ModelConfig } from "./config.js";

export class CausalLM {
  /** LoRA dropout acts in training passes; see FastLanguageModel.forTraining. */
  training = true;

  constructor(
    readonly config: ModelConfig,
    readonly embedTokens: tf.Tensor2D,
    readonly layers: readonly DecoderLayer[],
    readonly norm: tf.Tensor1D,
    readonly lmHead: Weight,
    /** What activations are computed in. */
    readonly computeType: ComputeType,
  ) {}

  /** What passes run through. */
  get parts(): NetworkParts {
    const { layers, norm, lmHead: head, config } = this;
    return { layers, table: { kind: "dense", values: this.embedTokens }, norm, rmsNormEps: config.rmsNormEps, head };
  }

  /**
   * Mean loss share of a packed batch: the sum of its tokens' cross entropies over `numItems`.
   * LoRA gradients are added to the adapters' parameters on the way back.
   */
  async forwardBackward(batch: PackedBatch, numItems: number, options: Omit<PassOptions, "training">): Promise<number> {
    const loss = trainingPass(this.parts, batch, numItems, { ...options, training: this.training });
    const [value] = await loss.data();
    loss.dispose();
    return value as number;
  }

  /** Sum of the cross entropies of a packed batch, without gradients. */
  async lossSum(batch: PackedBatch): Promise<number> {
    const loss = tf.tidy(() => linearCrossEntropy(this.hiddenStates(batch.inputIds, batch), this.lmHead, batch, 1));
    const [value] = await loss.data();
    loss.dispose();
    return value as number;
  }

  /** Final hidden states [tokens, hiddenSize] of packed sequences, after the last norm. No gradients. */
  hiddenStates(inputIds: Int32Array, batch: PackedSequences): tf.Tensor2D {
    return tf.tidy(() => {
      let hidden = embedding(inputIds, this.embedTokens);
      for (const layer of this.layers) {
        const next = decoderLayer(hidden, layer, batch, { saving: "none", training: false });
        // Nobody needs a layer's input again, so memory does not grow with depth.
        hidden.dispose();
        hidden = next;
      }
      return rmsNorm(hidden, this.norm, this.config.rmsNormEps);
    });
  }

  /** Logits [tokens, vocabSize] of packed sequences. */
  logits(inputIds: Int32Array, batch: PackedSequences): tf.Tensor2D {
    return tf.tidy(() => this.headLogits(this.hiddenStates(inputIds, batch)));
  }

  /** Logits [sequences, vocabSize] that follow the last token of each packed sequence. */
  lastLogits(batch: PackedSequences & { inputIds: Int32Array }): tf.Tensor2D {
    return tf.tidy(() => {
      const rows = tf.tensor1d(lastRows(batch.cuSeqlens), "int32");
      return this.headLogits(tf.gather(this.hiddenStates(batch.inputIds, batch), rows));
    });
  }

  /** Room for `capacity` tokens of each of `sequences` texts. */
  createCache(sequences: number, capacity: number): KvCache {
    return createKvCache(this.layers.length, this.config, sequences, capacity);
  }

  /**
   * Appends the rows of `batch` (new tokens of each sequence, positions absolute) to the cache.
   * @returns logits of the last new row of every sequence that has one, [sequences with rows, vocabSize]
   */
  step(inputIds: Int32Array, batch: PackedSequences, cache: KvCache): tf.Tensor2D {
    return tf.tidy(() => {
      let hidden = embedding(inputIds, this.embedTokens);
      this.layers.forEach((layer, index) => {
        const next = decoderLayerCached(hidden, layer, index, batch, cache);
        hidden.dispose();
        hidden = next;
      });
      advance(
        cache,
        cache.lengths.map((length, i) => length + rowCount(batch, i)),
      );
      const last = lastRows(batch.cuSeqlens);
      const rows = tf.gather(hidden, tf.tensor1d(last, "int32")) as tf.Tensor2D;
      return this.headLogits(rmsNorm(rows, this.norm, this.config.rmsNormEps));
    });
  }

  /** Goes on with the texts of a cache on the backend alone, from the logits that follow them; null where it cannot. */
  decoder(cache: KvCache, texts: DecoderTexts, logits: tf.Tensor2D): DeviceDecoder | null {
    return createDecoder(this.parts, cache, texts, logits);
  }

  /** Parameters by kind, as `printTrainableParameters` and the loading table count them. */
  parameterCount(): number {
    const { config } = this;
    let count = this.embedTokens.size + this.norm.size;
    if (!config.tieWordEmbeddings) count += weightSize(this.lmHead);
    for (const layer of this.layers) {
      count += layer.inputNorm.size + layer.postAttentionNorm.size;
      for (const name of PROJECTIONS) {
        const projection = layer.projections[name];
        count += projection.inFeatures * projection.outFeatures + (projection.bias?.size ?? 0);
      }
    }
    return count;
  }

  dispose(): void {
    releaseModel(this.layers, [this.lmHead, { kind: "dense", values: this.embedTokens }]);
    const tensors: tf.Tensor[] = [this.embedTokens, this.norm];
    if (this.lmHead.kind === "dense" && this.lmHead.values !== this.embedTokens) tensors.push(this.lmHead.values);
    for (const layer of this.layers) {
      tensors.push(layer.inputNorm, layer.postAttentionNorm);
      for (const name of PROJECTIONS) {
        const { weight, bias } = layer.projections[name];
        if (weight.kind === "dense") tensors.push(weight.values);
        if (bias !== null) tensors.push(bias);
      }
    }
    for (const tensor of tensors) if (!tensor.isDisposed) tensor.dispose();
    releaseCaches();
  }

  private headLogits(hidden: tf.Tensor2D): tf.Tensor2D {
    const { vocabSize, hiddenSize } = this.config;
    return linear(hidden, {
      inFeatures: hiddenSize,
      outFeatures: vocabSize,
      weight: this.lmHead,
      bias: null,
      lora: null,
    });
  }
}

function rowCount({ cuSeqlens }: PackedSequences, sequence: number): number {
  return (cuSeqlens[sequence + 1] as number) - (cuSeqlens[sequence] as number);
}

/** Row of the last token of each sequence that has any. */
function lastRows(cuSeqlens: Int32Array): Int32Array {
  const rows: number[] = [];
  for (let i = 1; i < cuSeqlens.length; i++) {
    if ((cuSeqlens[i] as number) > (cuSeqlens[i - 1] as number)) rows.push((cuSeqlens[i] as number) - 1);
  }
  return Int32Array.from(rows);
}

function weightSize(weight: Weight): number {
  return weight.kind === "nf4" ? weight.state.shape.reduce((a, b) => a * b, 1) : weight.values.size;
}

/** Lays sequences end to end: offsets, and positions counted from `starts` (0 each by default). */
export function pack(
  sequences: readonly (readonly number[])[],
  starts?: readonly number[],
): PackedSequences & { inputIds: Int32Array } {
  const cuSeqlens = new Int32Array(sequences.length + 1);
  sequences.forEach((ids, i) => {
    cuSeqlens[i + 1] = (cuSeqlens[i] as number) + ids.length;
  });
  const total = cuSeqlens[sequences.length] as number;
  if (total === 0) fail("There are no tokens to run the model on.");
  const inputIds = new Int32Array(total);
  const positions = new Int32Array(total);
  sequences.forEach((ids, i) => {
    const at = cuSeqlens[i] as number;
    inputIds.set(ids, at);
    for (let j = 0; j < ids.length; j++) positions[at + j] = (starts?.[i] ?? 0) + j;
  });
  return { cuSeqlens, positions, inputIds };
}
