/** Rows by their indices, and sums of rows by theirs. */
import * as tf from "@tensorflow/tfjs";
import { type Call, type Kernels, MAX_RANK, sizeOf, type TableKernel, valuesOf } from "./kernel.js";
import { lying } from "./shape.js";
import type { Values } from "./table.js";

const MOST_PLACES = 2 ** 31 - 1;

/**
 * Whether no index is known to lie outside of the axis: tfjs' own kernel knows what to say then. What only the GPU knows is
 * not waited for; the table has an answer for such indices.
 */
function inside(call: Call, indices: tf.TensorInfo, below: number): boolean {
  return call.known(indices)?.every((index) => index >= 0 && index < below) ?? true;
}

const gather: TableKernel = (call) => {
  const { x, indices } = call.inputs as Record<"x" | "indices", tf.TensorInfo>;
  const axis = tf.util.parseAxisParam(call.attrs.axis as number, x.shape)[0]!;
  if (!inside(call, indices, x.shape[axis]!)) return null;
  const { batchSize, outerSize, dimSize, sliceSize, outputShape } =
    tf.backend_util.segment_util.collectGatherOpShapeInfo(
      x,
      indices,
      axis,
      (call.attrs.batchDims as number | undefined) ?? 0,
    );
  const [from, places] = [lying(call, x), valuesOf(call, indices, "int32")];
  if (from === null || places === null) return null;
  const out = call.like(from, sizeOf(outputShape));
  call.table.gather(from, batchSize, outerSize, dimSize, sliceSize, places, out);
  return call.result(outputShape, x.dtype, out);
};

/** Indices [rows, depth] into the first axes of `shape` as places; null when one is outside or there are too many. */
function places(call: Call, indices: tf.TensorInfo, depth: number, shape: readonly number[]): Values | null {
  const lengths = shape.slice(0, depth);
  const given = depth > MAX_RANK || sizeOf(lengths) > MOST_PLACES ? null : valuesOf(call, indices, "int32");
  if (given === null) return null;
  const known = call.known(indices);
  for (let at = 0; known !== null && at < known.length; at += depth) {
    const place = lengths.reduce((sum, length, axis) => sum * length + known[at + axis]!, 0);
    if (place < 0 || place >= sizeOf(lengths)) return null;
  }
  const out = call.make("int32", given.length / depth);
  call.table.flatIndices(given, Float64Array.from(lengths), out);
  return out;
}

const gatherNd: TableKernel = (call) => {
  const { params, indices } = call.inputs as Record<"params" | "indices", tf.TensorInfo>;
  const [shape, rows, inner] = tf.backend_util.prepareAndValidate(params, indices);
  const from = rows === 0 ? null : lying(call, params);
  const at = from && places(call, indices, indices.shape.at(-1)!, params.shape);
  if (from === null || at === null) return null;
  const out = call.like(from, rows * inner);
  call.table.gather(from, 1, 1, from.length / inner, inner, at, out);
  return call.result(shape, params.dtype, out);
};

const scatterNd: TableKernel = (call) => {
  const { indices, updates } = call.inputs as Record<"indices" | "updates", tf.TensorInfo>;
  const shape = call.attrs.shape as number[];
  const { sliceRank, sliceSize, numUpdates } = tf.backend_util.calculateShapes(updates, indices, shape);
  const { dtype } = updates;
  if ((dtype !== "float32" && dtype !== "int32") || sizeOf(updates.shape) !== numUpdates * sliceSize) return null;
  const values = sizeOf(shape) === 0 ? null : call.values(updates);
  const ids = values && places(call, indices, sliceRank, shape);
  if (values === null || ids === null) return null;
  const out = call.make(dtype, sizeOf(shape));
  call.table.segmentSum(values, ids, sliceSize, out);
  return call.result(shape, dtype, out);
};

const unsortedSegmentSum: TableKernel = (call) => {
  const { x, segmentIds } = call.inputs as Record<"x" | "segmentIds", tf.TensorInfo>;
  const numSegments = call.attrs.numSegments as number;
  if (segmentIds.shape.length !== 1 || segmentIds.shape[0] !== x.shape[0] || numSegments < 1) return null;
  const [values, ids] = [valuesOf(call, x, "float32"), valuesOf(call, segmentIds, "int32")];
  if (values === null || ids === null) return null;
  const shape = [numSegments, ...x.shape.slice(1)];
  const out = call.make("float32", sizeOf(shape));
  call.table.segmentSum(values, ids, sizeOf(x.shape.slice(1)), out);
  return call.result(shape, "float32", out);
};

export const gathers: Kernels = {
  GatherV2: gather,
  GatherNd: gatherNd,
  ScatterNd: scatterNd,
  UnsortedSegmentSum: unsortedSegmentSum,
};
