/** Builds a network from a checkpoint in Hugging Face layout, tensor by tensor: one matrix in float32 at a time. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { fail } from "../errors.js";
import { openCheckpoint } from "../formats/checkpoint.js";
import type { TensorSource } from "../formats/tensorEntry.js";
import { projectionPath } from "../peft/attach.js";
import { isNf4, readNf4 } from "../quant/checkpoint.js";
import { quantizeNf4 } from "../quant/nf4.js";
import type { DecoderLayer, Linear, Projection, Weight } from "../tensor/layers.js";
import { PROJECTIONS } from "../tensor/layers.js";
import { CausalLM } from "./causalLm.js";
import { type ModelConfig, parseConfig } from "./config.js";

export interface LoadOptions {
  /** Quantise the projections to NF4 with double quantisation. */
  readonly loadIn4bit: boolean;
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
  const owned: tf.Tensor[] = [];
  try {
    const reader = new WeightReader(checkpoint, options.loadIn4bit, owned);
    const embedTokens = reader.matrix("model.embed_tokens.weight", config.vocabSize, config.hiddenSize);
    const layers: DecoderLayer[] = [];
    for (let index = 0; index < config.numLayers; index++) {
      layers.push(readLayer(reader, config, index));
      options.onProgress?.(index + 1, config.numLayers);
    }
    const norm = reader.vector("model.norm.weight", config.hiddenSize);
    const lmHead: Weight = config.tieWordEmbeddings
      ? { kind: "dense", values: embedTokens }
      : { kind: "dense", values: reader.matrix("lm_head.weight", config.vocabSize, config.hiddenSize) };
    return new CausalLM(config, embedTokens, layers, norm, lmHead);
  } catch (error) {
    tf.dispose(owned);
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

/** Reads named weights of known sizes; keeps a list of the tensors it made. */
class WeightReader {
  /** A checkpoint that comes quantised keeps the projections that it left out as they are. */
  private readonly prequantized: boolean;

  constructor(
    private readonly checkpoint: TensorSource,
    private readonly loadIn4bit: boolean,
    private readonly owned: tf.Tensor[],
  ) {
    this.prequantized = checkpoint.names.some((name) => name.endsWith(".weight") && isNf4(checkpoint, name));
  }

  matrix(name: string, rows: number, columns: number): tf.Tensor2D {
    return this.keep(tf.tensor2d(this.values(name, [rows, columns]), [rows, columns]));
  }

  vector(name: string, length: number): tf.Tensor1D {
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
      return { kind: "nf4", state };
    }
    if (!this.loadIn4bit || this.prequantized) return { kind: "dense", values: this.matrix(name, rows, columns) };
    const values = this.values(name, [rows, columns]);
    return { kind: "nf4", state: quantizeNf4(values, { shape: [rows, columns] }) };
  }

  private values(name: string, shape: readonly number[]): Float32Array {
    const info = this.checkpoint.info(name);
    if (info.shape.join() !== shape.join()) {
      fail(`The weight ${name} has shape [${info.shape.join(", ")}]; config.json makes it [${shape.join(", ")}].`);
    }
    const values = this.checkpoint.readFloat32(name);
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0)
      fail(`The weight ${name} holds ${values[bad]} at element ${bad}.`, {
        hint: "The checkpoint is damaged; download it again.",
      });
    return values;
  }

  private keep<T extends tf.Tensor>(tensor: T): T {
    this.owned.push(tensor);
    return tensor;
  }
}
