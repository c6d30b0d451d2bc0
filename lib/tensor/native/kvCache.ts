/** Keys and values of past tokens in a native backend's memory, and the decoder layer that attends to them. */
import type * as tf from "@tensorflow/tfjs";
import type { NativeKvCache as Handle } from "../../native/addon.js";
import type { DecoderLayer, KvCache, LayerGeometry, PackedSequences } from "../layers.js";
import { layerHandle } from "./handles.js";
import type { Surface } from "./surface.js";

export class NativeKvCache implements KvCache {
  readonly lengths: Int32Array;
  readonly handle: Handle;
  #bytes: number;

  constructor(
    readonly surface: Surface,
    layers: number,
    { numKvHeads, headDim }: LayerGeometry,
    sequences: number,
    readonly capacity: number,
  ) {
    this.lengths = new Int32Array(sequences);
    this.handle = surface.ops.createKvCache(layers, numKvHeads * headDim, sequences, capacity);
    this.#bytes = 2 * surface.cacheElementBytes * layers * numKvHeads * headDim * sequences * capacity;
  }

  /** Bytes of keys and values, whether filled or not. */
  get bytes(): number {
    return this.#bytes;
  }

  dispose(): void {
    this.surface.ops.dispose(this.handle);
    this.#bytes = 0;
    this.lengths.fill(0);
  }
}

/** See `decoderLayerCached` in ops.ts. */
export function decoderLayerCached(
  x: tf.Tensor2D,
  layer: DecoderLayer,
  layerIndex: number,
  batch: PackedSequences,
  cache: NativeKvCache,
): tf.Tensor2D {
  const { surface, handle, lengths } = cache;
  const from = surface.buffer(x);
  const y = surface.output(x.shape, from);
  surface.ops.decoderLayerCached(layerHandle(surface, layer), handle, layerIndex, from, y.buffer, batch, lengths);
  return y.tensor();
}
