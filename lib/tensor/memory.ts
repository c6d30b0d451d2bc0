/** Who holds how much memory, as far as the tensor layer knows. */
import * as tf from "@tensorflow/tfjs";
import type { DeviceMemory } from "../native/addon.js";
import { activeCuda } from "./cuda/backend.js";
import { releaseHostStore } from "./cuda/hostInputs.js";
import { DeviceQuantState } from "./cuda/quantState.js";
import type { DecoderLayer, KvCache, Weight } from "./layers.js";
import { activeSurface } from "./native/active.js";
import { releaseLayer, releaseMatrix } from "./native/handles.js";
import { nativeOps } from "./native/host.js";
import { clearWeightCache, weightCacheBytes } from "./portable/weights.js";

/** Bytes now. */
export interface TensorMemory {
  /** Float32 copies of quantised weights and transposed ones, kept to save time; `releaseCaches` gives them back. */
  readonly expandedWeights: number;
  /** Keys and values of generation. */
  readonly kvCaches: number;
  /** What layers hold in native memory for a backward pass; other backends hold it in tensors. */
  readonly activations: number;
  /** Native memory that is free but kept for the next op. */
  readonly reserve: number;
  /** All tensors of tfjs: adapters, gradients, dense weights, and on portable backends the above as well. */
  readonly tensors: number;
  readonly numTensors: number;
  /** Resident in the whole process. */
  readonly process: number;
  /** Who holds the GPU's memory, on "cuda"; the other figures tell of the host then. */
  readonly gpu: DeviceMemory | null;
}

/** Caches that were created and not collected yet; they count what they hold themselves. */
const caches = new Set<WeakRef<KvCache & { readonly bytes: number }>>();

/** Lets a new cache count in the report for as long as it lives. */
export function countCache<C extends KvCache & { readonly bytes: number }>(cache: C): C {
  caches.add(new WeakRef(cache));
  return cache;
}

function cacheBytes(): number {
  let bytes = 0;
  for (const reference of caches) {
    const cache = reference.deref();
    if (cache === undefined) caches.delete(reference);
    else bytes += cache.bytes;
  }
  return bytes;
}

/** Bytes by holder, of tfjs, and of the process. */
export function tensorMemory(): TensorMemory {
  const { numBytes, numTensors } = tf.memory();
  const gpu = activeCuda()?.cuda.memory() ?? null;
  const native = nativeOps()?.memory();
  const kvCaches = cacheBytes();
  const panels = native?.panels ?? 0;
  return {
    expandedWeights: weightCacheBytes() + panels,
    kvCaches,
    activations: native === undefined ? 0 : Math.max(0, native.inUse - panels - kvCaches),
    reserve: native?.pooled ?? 0,
    tensors: numBytes,
    numTensors,
    process: process.memoryUsage.rss(),
    gpu,
  };
}

/** What the GPU can still give; what the pool holds and nobody uses is free as well. */
export function freeOnDevice({ free, reserved, inUse }: DeviceMemory): number {
  return free + reserved - inUse;
}

/** Gives back what is only kept to save time: expanded weights and pooled memory. Both come back when needed. */
export function releaseCaches(): void {
  clearWeightCache();
  nativeOps()?.trim();
  releasePassMemory();
}

/** Bytes that a tensor's values take where they live. */
export function storedBytes(tensor: tf.Tensor): number {
  return activeCuda()?.storage(tensor.dataId).bytes ?? tensor.size * Float32Array.BYTES_PER_ELEMENT;
}

/** Bytes that a tensor will take on the GPU, and does not yet. */
export function missingOnDevice(tensor: tf.Tensor): number {
  const storage = activeCuda()?.storage(tensor.dataId);
  return storage === undefined || storage.device !== null ? 0 : tensor.size * Float32Array.BYTES_PER_ELEMENT;
}

/** Frees what is only kept from one training pass to the next. */
export function releasePassMemory(): void {
  const backend = activeCuda();
  if (backend === null) return;
  releaseHostStore(backend.cuda);
  backend.cuda.trim();
}

/**
 * Moves a table of which ops read a few rows at a time to host memory that the GPU reads by itself; its tensor stays the
 * same. Does nothing where there is one memory only.
 */
export function moveTableToHost(table: tf.Tensor2D): void {
  const backend = activeCuda();
  if (backend === null) return;
  backend.storage(table.dataId).moveToHost();
  // Its native object holds the old memory.
  releaseMatrix(backend.surface, { kind: "dense", values: table });
}

/** Frees what the active backend has made of layers and matrices, and 4-bit weights on the GPU; tensors stay. */
export function releaseModel(layers: readonly DecoderLayer[], matrices: readonly Weight[]): void {
  const surface = activeSurface();
  if (surface !== null) {
    for (const layer of layers) releaseLayer(surface, layer);
    for (const matrix of matrices) releaseMatrix(surface, matrix);
  }
  const weights = layers.flatMap((layer) => Object.values(layer.projections).map(({ weight }) => weight));
  for (const weight of [...weights, ...matrices]) {
    if (weight.kind === "nf4" && weight.state instanceof DeviceQuantState) weight.state.dispose();
  }
}

/** Bytes of a frozen matrix, quantised or not. */
export function weightBytes(weight: Weight): number {
  if (weight.kind === "dense") return storedBytes(weight.values);
  const { state } = weight;
  if (state instanceof DeviceQuantState) return state.bytes;
  return state.packed.byteLength + state.absmax.byteLength + state.nestedAbsmax.byteLength;
}
