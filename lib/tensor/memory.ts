/** Who holds how much memory, as far as the tensor layer knows. */
import * as tf from "@tensorflow/tfjs";
import type { KvCache } from "./layers.js";
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
  };
}

/** Gives back what is only kept to save time: expanded weights and pooled memory. Both come back when needed. */
export function releaseCaches(): void {
  clearWeightCache();
  nativeOps()?.trim();
}
