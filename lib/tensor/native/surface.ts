/** What the layer ops need of a backend of the addon: its op table, and its tensors as the buffers that ops take. */
import type * as tf from "@tensorflow/tfjs";
import type {
  Buffers,
  CacheOps,
  DecoderLayerOps,
  LinearOps,
  MemoryOwner,
  NativeLinearHandle,
  NativeQuantState,
  NormOps,
  RuntimeOps,
} from "../../native/addon.js";
import type { QuantState } from "../../quant/quantState.js";
import type { PackedBatch } from "../layers.js";
import type { LayerInputs, PassMemory } from "./layerInputs.js";

/** Memory that an op will fill, and the tensor over it. */
export interface Output<B extends Buffers> {
  readonly buffer: B["f32"];
  tensor(): tf.Tensor2D;
}

/** Left unspecified, the buffers' types are unknown: code that only passes them on serves every backend. */
export interface Surface<B extends Buffers = Buffers> {
  readonly ops: DecoderLayerOps<B> & NormOps<B> & LinearOps<B> & CacheOps<B> & Pick<RuntimeOps, "dispose">;
  /** The memory of a float32 tensor, brought to the backend first if need be, where it counts as the owner's. */
  buffer(tensor: tf.Tensor, owner?: MemoryOwner): B["f32"];
  /** The memory of a tensor whose values an op will change in place. */
  inPlace(tensor: tf.Tensor): B["f32"];
  /** The values of `tensor` in the element type of `model`: a copy to be released where it differs from its own. */
  matching(tensor: tf.Tensor, model: B["f32"]): B["f32"];
  quantState(state: QuantState): NativeQuantState<B>;
  /** Not cleared; in the element type of `model`, or float32. */
  output(shape: readonly [number, number], model?: B["f32"]): Output<B>;
  /** float32, one value a row, not cleared. */
  column(rows: number): B["f32"];
  zeros(shape: number[]): tf.Tensor;
  /** Gives back memory that no tensor owns. */
  release(buffer: B["f32"]): void;
  /** Where the inputs of a pass's layers wait, for a backend that has a memory other than the one it computes in. */
  inputsOnHost?(layers: number, batchTokens: number, maxTokens: number, held: PassMemory): LayerInputs;
  /** The loss of `linearCrossEntropy` in ops.ts; `dHidden` (null: not made) receives its gradient times `lossScale`. */
  crossEntropy(
    head: NativeLinearHandle,
    hidden: B["f32"],
    batch: PackedBatch,
    numItems: number,
    dHidden: B["f32"] | null,
    lossScale: number,
  ): tf.Scalar;
  /** x times a scalar. */
  scaled(x: tf.Tensor, factor: tf.Tensor): tf.Tensor;
  /** Bytes of one key or value in a cache. */
  readonly cacheElementBytes: number;
}
