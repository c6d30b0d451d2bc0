/** Builds a network from a checkpoint in Hugging Face layout. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fail, TunelabError } from "../errors.js";
import { type Checkpoint, openCheckpoint } from "../formats/checkpoint.js";
import { watchInterrupt } from "../interrupt.js";
import { projectionPath } from "../peft/attach.js";
import { seldom } from "../seldom.js";
import { activeCuda } from "../tensor/cuda/backend.js";
import { type ComputeType, DeviceWeights } from "../tensor/cuda/weights.js";
import { type DecoderLayer, type Linear, PROJECTIONS, type Projection } from "../tensor/layers.js";
import { CausalLM } from "./causalLm.js";
import { type ModelConfig, parseConfig } from "./config.js";
import { HostWeights } from "./hostWeights.js";
import { type WeightPlace, WeightReader } from "./weightReader.js";
import { ensureRoom } from "./weightRoom.js";

export interface LoadProgress {
  readonly layersDone: number;
  readonly layers: number;
  /** Bytes of the checkpoint that became weights. */
  readonly bytes: number;
  /** Since loading began. */
  readonly seconds: number;
}

export interface LoadOptions {
  /** Quantise the projections to NF4 with double quantisation. */
  readonly loadIn4bit: boolean;
  /** What is computed in on "cuda"; other backends compute in float32. Default "float32". */
  readonly computeType?: ComputeType;
  /** Called after each layer. By default a line on the console every five seconds. */
  readonly onProgress?: (progress: LoadProgress) => void;
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

/**
 * Loads the network of a checkpoint; on failure everything loaded so far is freed.
 * @throws TunelabError also after Ctrl-C or the interrupt button
 */
export async function loadNetwork(directory: string, config: ModelConfig, options: LoadOptions): Promise<CausalLM> {
  const checkpoint = openCheckpoint(directory);
  try {
    ensureRoom(checkpoint, config, options);
    const reader = new WeightReader(checkpoint, options.loadIn4bit, placeFor(checkpoint, options));
    try {
      const network = await readInterruptibly(reader, config, options);
      checkpoint.ensureUnchanged();
      return network;
    } catch (error) {
      await reader.abandon(error);
      checkpoint.ensureUnchanged(error);
      throw error;
    } finally {
      reader.close();
    }
  } finally {
    checkpoint.close();
  }
}

function placeFor(checkpoint: Checkpoint, { computeType = "float32" }: LoadOptions): WeightPlace {
  const cuda = activeCuda();
  return cuda === null ? new HostWeights(checkpoint) : new DeviceWeights(cuda, checkpoint, computeType);
}

async function readInterruptibly(reader: WeightReader, config: ModelConfig, options: LoadOptions): Promise<CausalLM> {
  const { onProgress = seldom(progressLine) } = options;
  const layers = config.numLayers;
  const started = performance.now();
  let layersDone = 0;
  const interruption = () =>
    new TunelabError(`Loading was interrupted after ${layersDone} of ${layers} layers.`, {
      hint: "What was read is freed; load the model again.",
    });
  const watch = watchInterrupt("Stopping to load the model.", () => void reader.abandon(interruption()));
  try {
    const network = await readNetwork(reader, config, () => {
      layersDone++;
      onProgress({ layersDone, layers, bytes: reader.bytes, seconds: (performance.now() - started) / 1000 });
    });
    // What was under way at the interrupt may have come to its end.
    if (watch.interrupted) throw interruption();
    return network;
  } catch (error) {
    throw watch.interrupted ? interruption() : error;
  } finally {
    watch.stop();
  }
}

function progressLine({ layersDone, layers, bytes, seconds }: LoadProgress): string {
  return `Loading weights: layer ${layersDone} of ${layers}, ${(bytes / seconds / 1e9).toFixed(2)} GB/s`;
}

/** Asks for all weights at once, in the order in which they are to come; `onLayer` is called after each layer. */
async function readNetwork(reader: WeightReader, config: ModelConfig, onLayer: () => void): Promise<CausalLM> {
  const { vocabSize, hiddenSize } = config;
  // The largest matrices first: what one takes while it is converted, later matrices take.
  const [embedTokens, lmHead, norm, layers] = await Promise.all([
    reader.matrix("model.embed_tokens.weight", vocabSize, hiddenSize),
    config.tieWordEmbeddings ? null : reader.matrix("lm_head.weight", vocabSize, hiddenSize),
    reader.vector("model.norm.weight", hiddenSize),
    Promise.all(
      Array.from({ length: config.numLayers }, async (_, index) => {
        const layer = await readLayer(reader, config, index);
        onLayer();
        return layer;
      }),
    ),
  ]);
  const head = { kind: "dense", values: lmHead ?? embedTokens } as const;
  return new CausalLM(config, embedTokens, layers, norm, head, reader.computeType);
}

async function readLayer(reader: WeightReader, config: ModelConfig, index: number): Promise<DecoderLayer> {
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
  const prefix = `model.layers.${index}`;
  const [inputNorm, postAttentionNorm, projections] = await Promise.all([
    reader.vector(`${prefix}.input_layernorm.weight`, hiddenSize),
    reader.vector(`${prefix}.post_attention_layernorm.weight`, hiddenSize),
    Promise.all(
      PROJECTIONS.map(async (name) => {
        const [out, into, bias] = sizes[name];
        return [name, await reader.linear(projectionPath(index, name), out, into, bias)] as const;
      }),
    ),
  ]);
  return {
    geometry: config,
    inputNorm,
    postAttentionNorm,
    projections: Object.fromEntries(projections) as Record<Projection, Linear>,
  };
}
