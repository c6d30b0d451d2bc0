/** Refuses a checkpoint that the GPU has no room for, before gigabytes of it are read. */
import { fail } from "../errors.js";
import type { Checkpoint } from "../formats/checkpoint.js";
import { elementCount } from "../formats/tensorEntry.js";
import { gibibytes } from "../gibibytes.js";
import { holdsNf4 } from "../quant/checkpoint.js";
import type { ComputeType } from "../tensor/cuda/weights.js";
import { PROJECTIONS } from "../tensor/layers.js";
import { freeOnDevice, tensorMemory } from "../tensor/memory.js";
import type { ModelConfig } from "./config.js";

/** A code of four bits, one of eight for the scale of 64 values, and a float32 for the scale of 256 such codes. */
const NF4_BYTES = 1 / 2 + 1 / 64 + 4 / (64 * 256);
const COMPUTED_BYTES: Readonly<Record<ComputeType, number>> = { float32: 4, bfloat16: 2, float16: 2 };
const IS_PROJECTION = new RegExp(`\\.(?:${PROJECTIONS.join("|")})\\.weight$`);

/** How the weights are to be held; see LoadOptions. */
interface Holding {
  readonly loadIn4bit: boolean;
  readonly computeType?: ComputeType;
}

/** Whether a network of the config has the tensor. */
function belongs(name: string, { numLayers, tieWordEmbeddings }: ModelConfig): boolean {
  const layer = /^model\.layers\.(\d+)\./.exec(name)?.[1];
  if (layer !== undefined) return Number(layer) < numLayers;
  return /^model\.(?:embed_tokens|norm)\./.test(name) || (!tieWordEmbeddings && name.startsWith("lm_head."));
}

/** Bytes that a network's weights take on a GPU. */
function bytesOnDevice(
  checkpoint: Checkpoint,
  config: ModelConfig,
  { loadIn4bit, computeType = "float32" }: Holding,
): number {
  const quantizes = loadIn4bit && !holdsNf4(checkpoint);
  const bytesPerElement = (name: string) => {
    const { dtype, shape } = checkpoint.info(name);
    if (dtype === "U8") return 1;
    if (shape.length < 2) return Float32Array.BYTES_PER_ELEMENT;
    return quantizes && IS_PROJECTION.test(name) ? NF4_BYTES : COMPUTED_BYTES[computeType];
  };
  return checkpoint.names
    .filter((name) => belongs(name, config))
    .reduce((sum, name) => sum + elementCount(checkpoint.info(name).shape) * bytesPerElement(name), 0);
}

/** @throws TunelabError on "cuda", where the weights take more memory than is free */
export function ensureRoom(checkpoint: Checkpoint, config: ModelConfig, holding: Holding): void {
  const { gpu } = tensorMemory();
  if (gpu === null) return;
  const needed = bytesOnDevice(checkpoint, config, holding);
  const free = freeOnDevice(gpu);
  if (needed <= free) return;
  const quantized = bytesOnDevice(checkpoint, config, { ...holding, loadIn4bit: true });
  const smaller = quantized < needed ? `With loadIn4bit: true they take ${gibibytes(quantized)}. ` : "";
  fail(
    `The weights take ${gibibytes(needed)}, and of the GPU's ${gibibytes(gpu.total)} only ` +
      `${gibibytes(free)} are free.`,
    { hint: `${smaller}Load a smaller model, dispose() of models that are no longer needed, or end other programs.` },
  );
}
