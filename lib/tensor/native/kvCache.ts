/** Keys and values of past tokens in native memory, and the decoder layer that attends to them. */
import type * as tf from "@tensorflow/tfjs";
import type { NativeKvCache as Handle, OpTable } from "../../native/addon.js";
import type { DecoderLayer, KvCache, LayerGeometry, PackedSequences } from "../layers.js";
import { layerHandle } from "./handles.js";
import { emptyLike, hostArray } from "./host.js";

export class NativeKvCache implements KvCache {
  readonly lengths: Int32Array;
  readonly handle: Handle;
  #bytes: number;

  constructor(
    readonly ops: OpTable,
    layers: number,
    { numKvHeads, headDim }: LayerGeometry,
    sequences: number,
    readonly capacity: number,
  ) {
    this.lengths = new Int32Array(sequences);
    this.handle = ops.createKvCache(layers, numKvHeads * headDim, sequences, capacity);
    this.#bytes = 2 * 4 * layers * numKvHeads * headDim * sequences * capacity;
  }

  /** Bytes of keys and values, whether filled or not. */
  get bytes(): number {
    return this.#bytes;
  }

  dispose(): void {
    this.ops.dispose(this.handle);
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
  const { ops, handle, lengths } = cache;
  const y = emptyLike(x);
  ops.decoderLayerCached(layerHandle(ops, layer), handle, layerIndex, hostArray(x), y.array, batch, lengths);
  return y.tensor();
}
