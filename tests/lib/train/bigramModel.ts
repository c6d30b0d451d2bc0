/** A language model small enough for tests that is trained for real: the next token from the current one, in tfjs. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { SafetensorsFile } from "../../../lib/formats/safetensors.js";
import { bytesOf } from "../../../lib/formats/tensorEntry.js";
import { writeSafetensors } from "../../../lib/formats/writeSafetensors.js";
import type { ModelConfig } from "../../../lib/models/config.js";
import { createRandom } from "../../../lib/random.js";
import type { ComputeType } from "../../../lib/tensor/cuda/weights.js";
import type { PackedBatch } from "../../../lib/tensor/layers.js";
import { Parameter } from "../../../lib/tensor/parameter.js";
import type { TrainableModel, TrainingPass, TrainingTokenizer } from "../../../lib/train/trainable.js";

export const VOCAB = 128;

/** One token a character (its ASCII code); 0 ends a text. */
export const tokenizer: TrainingTokenizer = {
  bosToken: null,
  encode: (text) => Array.from(text, (character) => character.charCodeAt(0) % VOCAB),
};

/** logits(next) = tanh(table[token] + dropout) W, with a seeded mask in training when `dropout` > 0. */
export class BigramModel implements TrainableModel {
  readonly config: ModelConfig;
  readonly table: Parameter;
  readonly head: Parameter;
  /** Tokens of every training pass so far. */
  readonly passes: number[] = [];
  /** Replaces the loss of the training pass with this number, from 0. */
  breakAtPass = -1;
  /** What the trainer is told. The arithmetic stays float32, in which a loss scale rounds nothing. */
  computeType: ComputeType = "float32";
  /** Gradients that are multiplied by more come out infinite, as in float16. */
  largestScale = Number.POSITIVE_INFINITY;

  constructor(
    readonly hidden = 40,
    readonly dropout = 0,
  ) {
    this.config = smallConfig(hidden);
    const random = createRandom(1);
    const uniform = (rows: number) =>
      tf.tidy(() =>
        tf.tensor2d(
          Float32Array.from({ length: rows * hidden }, () => random.next() - 0.5),
          [rows, hidden],
        ),
      );
    const initial = [uniform(VOCAB), uniform(VOCAB)] as const;
    this.table = new Parameter("table.weight", initial[0]);
    this.head = new Parameter("head.weight", initial[1]);
    tf.dispose([...initial]);
  }

  trainableParameters(): Parameter[] {
    return [this.table, this.head];
  }

  forTraining(): void {}

  async forwardBackward(batch: PackedBatch, numItems: number, pass: TrainingPass): Promise<number> {
    this.passes.push(batch.inputIds.length);
    const { lossScale = 1 } = pass;
    const { value, grads } = tf.tidy(() =>
      tf.valueAndGrads((table: tf.Tensor, head: tf.Tensor) => this.#lossSum(table, head, batch, pass).div(numItems))([
        this.table.value,
        this.head.value,
      ]),
    );
    for (const [index, parameter] of this.trainableParameters().entries()) {
      const unscaled = grads[index]!;
      const gradient = unscaled.mul(lossScale > this.largestScale ? Number.POSITIVE_INFINITY : lossScale);
      unscaled.dispose();
      const before = parameter.grad;
      parameter.grad = before ? before.add(gradient) : gradient;
      if (before) tf.dispose([before, gradient]);
    }
    const [loss] = await value.data();
    value.dispose();
    return this.passes.length - 1 === this.breakAtPass ? Number.NaN : loss!;
  }

  async evaluateLoss(batch: PackedBatch): Promise<{ lossSum: number; numItems: number }> {
    const sum = tf.tidy(() => this.#lossSum(this.table.value, this.head.value, batch, null));
    const [lossSum] = await sum.data();
    sum.dispose();
    return { lossSum: lossSum!, numItems: targets(batch).rows.length };
  }

  #lossSum(table: tf.Tensor, head: tf.Tensor, batch: PackedBatch, pass: TrainingPass | null): tf.Scalar {
    const { rows, next } = targets(batch);
    const tokens = tf.tensor1d(
      rows.map((row) => batch.inputIds[row]!),
      "int32",
    );
    // A product, because the gradient of tf.gather passes over all tokens once for each row of the table.
    let hidden = tf.tanh(tf.matMul(tf.oneHot(tokens, VOCAB, 1, 0, "float32"), table)) as tf.Tensor2D;
    if (pass && this.dropout > 0) hidden = hidden.mul(this.#mask(pass.seed, hidden.shape)) as tf.Tensor2D;
    const logits = tf.matMul(hidden, head as tf.Tensor2D, false, true);
    const wanted = tf.oneHot(tf.tensor1d(next, "int32"), VOCAB);
    return tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), wanted))) as tf.Scalar;
  }

  #mask(seed: number, shape: [number, number]): tf.Tensor2D {
    const random = createRandom(seed);
    const keep = () => (random.next() < this.dropout ? 0 : 1 / (1 - this.dropout));
    return tf.tensor2d(Float32Array.from({ length: shape[0] * shape[1] }, keep), shape);
  }

  async savePretrained(dir: string): Promise<void> {
    await mkdir(dir, { recursive: true });
    const entries = this.trainableParameters().map(({ name, shape, value }) => {
      return { name, dtype: "F32" as const, shape, data: bytesOf(value.dataSync() as Float32Array) };
    });
    await writeSafetensors(join(dir, "adapter_model.safetensors"), entries);
  }

  async loadAdapter(dir: string): Promise<void> {
    const file = SafetensorsFile.open(join(dir, "adapter_model.safetensors"));
    for (const parameter of this.trainableParameters()) parameter.assign(file.readFloat32(parameter.name));
    file.close();
  }

  /** All trained values, for comparisons. */
  values(): number[] {
    return this.trainableParameters().flatMap(({ value }) => Array.from(value.dataSync()));
  }

  dispose(): void {
    for (const parameter of this.trainableParameters()) parameter.dispose();
  }
}

function targets({ cuSeqlens, inputIds, labels }: PackedBatch): { rows: number[]; next: number[] } {
  const rows: number[] = [];
  for (let i = 0; i + 1 < cuSeqlens.length; i++) {
    for (let row = cuSeqlens[i]!; row + 1 < cuSeqlens[i + 1]!; row++) if (labels[row + 1] !== -100) rows.push(row);
  }
  return { rows, next: rows.map((row) => inputIds[row + 1]!) };
}

function smallConfig(hiddenSize: number): ModelConfig {
  return {
    architecture: "Qwen2ForCausalLM",
    modelType: "qwen2",
    vocabSize: VOCAB,
    numLayers: 1,
    maxPositionEmbeddings: 64,
    tieWordEmbeddings: false,
    attentionBias: true,
    bosTokenId: null,
    eosTokenIds: [0],
    padTokenId: null,
    raw: {},
    hiddenSize,
    intermediateSize: 2 * hiddenSize,
    numHeads: 4,
    numKvHeads: 2,
    headDim: hiddenSize / 4,
    rmsNormEps: 1e-6,
    ropeTheta: 10_000,
  };
}

/** Texts of varied length with a rule in them: each is a run through a word's letters. */
export function sampleTexts(count: number, seed = 3): { text: string }[] {
  const random = createRandom(seed);
  const words = ["lymphoma ", "fever ", "anaemia ", "asthma "];
  return Array.from({ length: count }, () => {
    const word = words[random.integer(words.length)]!;
    return { text: `${word.repeat(1 + random.integer(4))}\0` };
  });
}
