/**
 * Builds a network from a checkpoint in Hugging Face layout, tensor by tensor: one matrix in float32 at a time, or with a
 * GPU one as it is stored.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import * as tf from "@tensorflow/tfjs";
import { fail } from "../errors.js";
import { type Checkpoint, openCheckpoint } from "../formats/checkpoint.js";
import { bf16ToFloat32 } from "../formats/halves.js";
import { elementCount } from "../formats/tensorEntry.js";
import { projectionPath } from "../peft/attach.js";
import { isNf4, readNf4 } from "../quant/checkpoint.js";
import { quantizeNf4 } from "../quant/nf4.js";
import type { QuantState } from "../quant/quantState.js";
import { activeCuda } from "../tensor/cuda/backend.js";
import { DeviceQuantState } from "../tensor/cuda/quantState.js";
import { type ComputeType, DeviceWeights, firstNonFinite, type RawValues } from "../tensor/cuda/weights.js";
import type { DecoderLayer, Linear, Projection, Weight } from "../tensor/layers.js";
import { PROJECTIONS } from "../tensor/layers.js";
import { CausalLM } from "./causalLm.js";
import { type ModelConfig, parseConfig } from "./config.js";

export interface LoadOptions {
  /** Quantise the projections to NF4 with double quantisation. */
  readonly loadIn4bit: boolean;
  /** What is computed in on "cuda"; other backends compute in float32. Default "float32". */
  readonly computeType?: ComputeType;
  /** Called after each layer. */
  readonly onProgress?: (layersDone: number, layers: number) => void;
}

/** Reads and checks a folder's config.json. */
export async function readConfig(directory: string): Promise<ModelConfig> {
  const path = join(directory, "config.json");
  let raw: unknown;
  try {
    raw = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    fail(`${path} cannot be read as JSON: ${(cause as Error).message}.`, { cause });
  }
  return parseConfig(raw as Record<string, unknown>);
}

/** Loads the network of a checkpoint; on failure everything loaded so far is freed. */
export async function loadNetwork(directory: string, config: ModelConfig, options: LoadOptions): Promise<CausalLM> {
  const checkpoint = await openCheckpoint(directory);
  const owned: (tf.Tensor | DeviceQuantState)[] = [];
  try {
    const cuda = activeCuda();
    const device = cuda === null ? null : new DeviceWeights(cuda, options.computeType ?? "float32");
    const reader = new WeightReader(checkpoint, options.loadIn4bit, owned, device);
    const embedTokens = reader.matrix("model.embed_tokens.weight", config.vocabSize, config.hiddenSize);
    const layers: DecoderLayer[] = [];
    for (let index = 0; index < config.numLayers; index++) {
      layers.push(readLayer(reader, config, index));
      options.onProgress?.(index + 1, config.numLayers);
      // Loading takes minutes for a large model; in between the process answers.
      await turn();
    }
    const norm = reader.vector("model.norm.weight", config.hiddenSize);
    const lmHead: Weight = config.tieWordEmbeddings
      ? { kind: "dense", values: embedTokens }
      : { kind: "dense", values: reader.matrix("lm_head.weight", config.vocabSize, config.hiddenSize) };
    return new CausalLM(config, embedTokens, layers, norm, lmHead);
  } catch (error) {
    for (const weight of owned) weight.dispose();
    throw error;
  } finally {
    checkpoint.close();
  }
}

function readLayer(reader: WeightReader, config: ModelConfig, index: number): DecoderLayer {
  const { hiddenSize, intermediateSize, numHeads, numKvHeads, headDim } = config;
  const sizes: Record<Projection, readonly [out: number, into: number, bias: boolean]> = {
    q_proj: [numHeads * headDim, hiddenSize, config.attentionBias],
    k_proj: [numKvHeads * headDim, hiddenSize, config.attentionBias],
    v_proj: [numKvHeads * headDim, hiddenSize, config.attentionBias],
    o_proj: [hiddenSize, numHeads * headDim, config.attentionBias && config.architecture !== "Qwen2ForCausalLM"],
    gate_proj: [intermediateSize, hiddenSize, false],
    up_proj: [intermediateSize, hiddenSize, false],
    down_proj: [hiddenSize, intermediateSize, false],
  };
  const projections: Partial<Record<Projection, Linear>> = {};
  for (const name of PROJECTIONS) {
    const [out, into, bias] = sizes[name];
    projections[name] = reader.linear(projectionPath(index, name), out, into, bias);
  }
  const prefix = `model.layers.${index}`;
  return {
    geometry: config,
    inputNorm: reader.vector(`${prefix}.input_layernorm.weight`, hiddenSize),
    postAttentionNorm: reader.vector(`${prefix}.post_attention_layernorm.weight`, hiddenSize),
    projections: projections as Record<Projection, Linear>,
  };
}

/** Small enough for the processor's cache, large enough for the disk. */
const PIECE_BYTES = 1 << 22;

/** Reads named weights of known sizes; keeps a list of the tensors it made. */
class WeightReader {
  /** A checkpoint that comes quantised keeps the projections that it left out as they are. */
  private readonly prequantized: boolean;
  /** What pieces of bfloat16 tensors pass through. */
  private readonly scratch = new Uint8Array(PIECE_BYTES);

  constructor(
    private readonly checkpoint: Checkpoint,
    private readonly loadIn4bit: boolean,
    private readonly owned: (tf.Tensor | DeviceQuantState)[],
    /** Null where weights stay in host memory. */
    private readonly device: DeviceWeights | null,
  ) {
    this.prequantized = checkpoint.names.some((name) => name.endsWith(".weight") && isNf4(checkpoint, name));
  }

  matrix(name: string, rows: number, columns: number): tf.Tensor2D {
    const shape: [number, number] = [rows, columns];
    if (this.device !== null) return this.keep(this.device.matrix(this.raw(name, shape), shape));
    return this.keep(tf.tensor2d(this.values(name, shape), shape));
  }

  vector(name: string, length: number): tf.Tensor1D {
    if (this.device !== null) return this.keep(this.device.vector(this.raw(name, [length])));
    return this.keep(tf.tensor1d(this.values(name, [length])));
  }

  linear(path: string, outFeatures: number, inFeatures: number, bias: boolean): Linear {
    return {
      inFeatures,
      outFeatures,
      weight: this.weight(`${path}.weight`, outFeatures, inFeatures),
      bias: bias ? this.vector(`${path}.bias`, outFeatures) : null,
      lora: null,
    };
  }

  private weight(name: string, rows: number, columns: number): Weight {
    if (isNf4(this.checkpoint, name)) {
      const state = readNf4(this.checkpoint, name);
      if (state.shape[0] !== rows || state.shape[1] !== columns) {
        fail(`The weight ${name} has shape [${state.shape.join(", ")}]; config.json makes it [${rows}, ${columns}].`);
      }
      return { kind: "nf4", state: this.keepState(this.device?.quantState(state) ?? state) };
    }
    if (!this.loadIn4bit || this.prequantized) return { kind: "dense", values: this.matrix(name, rows, columns) };
    const shape: [number, number] = [rows, columns];
    if (this.device !== null) {
      return { kind: "nf4", state: this.keepState(this.device.quantize(this.raw(name, shape), shape)) };
    }
    return { kind: "nf4", state: quantizeNf4(this.values(name, shape), { shape }) };
  }

  /** bfloat16 as it is stored, all else as float32. */
  private raw(name: string, shape: readonly number[]): RawValues {
    if (this.checkpoint.info(name).dtype !== "BF16") return this.values(name, shape);
    this.checkShape(name, shape);
    return { length: elementCount(shape), pieces: this.bits(name) };
  }

  private *bits(name: string): Generator<Uint16Array> {
    let done = 0;
    for (const bytes of this.checkpoint.pieces(name, this.scratch)) {
      const bits = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
      const bad = firstNonFinite(bits);
      if (bad >= 0) refuseNonFinite(name, bf16ToFloat32(bits.subarray(bad, bad + 1))[0]!, done + bad);
      done += bits.length;
      yield bits;
    }
  }

  private values(name: string, shape: readonly number[]): Float32Array {
    this.checkShape(name, shape);
    const values = this.checkpoint.readFloat32(name);
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) refuseNonFinite(name, values[bad]!, bad);
    return values;
  }

  private checkShape(name: string, shape: readonly number[]): void {
    const info = this.checkpoint.info(name);
    if (info.shape.join() !== shape.join()) {
      fail(`The weight ${name} has shape [${info.shape.join(", ")}]; config.json makes it [${shape.join(", ")}].`);
    }
  }

  private keep<T extends tf.Tensor>(tensor: T): T {
    this.owned.push(tensor);
    return tensor;
  }

  private keepState(state: QuantState): QuantState {
    if (state instanceof DeviceQuantState) this.owned.push(state);
    return state;
  }
}

function refuseNonFinite(name: string, value: number, element: number): never {
  fail(`The weight ${name} holds ${value} at element ${element}.`, {
    hint: "The checkpoint is damaged; download it again.",
  });
}
