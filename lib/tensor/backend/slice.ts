/** Kernels that take parts of a tensor: slice, strided slice, split, unpack. */
import * as tf from "@tensorflow/tfjs";
import { type Call, denseStrides, type Kernels, sizeOf, type TableKernel, view } from "./kernel.js";
import { copy, dense, region } from "./layout.js";
import { lying } from "./shape.js";

/** The region of `size` that begins at `begin`, of the shape `outShape`. */
function sliced(
  call: Call,
  x: tf.TensorInfo,
  begin: readonly number[],
  size: readonly number[],
  outShape = size,
): tf.TensorInfo | null {
  const values = sizeOf(size) === 0 ? null : lying(call, x);
  if (values === null) return null;
  const out = call.like(values, sizeOf(size));
  const done = copy(call, size, values, region(x.shape, begin), out, dense(size));
  return done ? call.result(outShape, x.dtype, out) : null;
}

const slice: TableKernel = (call) => {
  const x = call.inputs.x!;
  const { begin, size } = call.attrs as { begin: number | number[]; size: number | number[] };
  const [from, lengths] = tf.slice_util.parseSliceParams(x as tf.Tensor, begin, size);
  tf.slice_util.assertParamsValid(x as tf.Tensor, from!, lengths!);
  return sliced(call, x, from!, lengths!);
};

const stridedSlice: TableKernel = (call) => {
  const x = call.inputs.x!;
  const given = call.attrs as Record<"begin" | "end" | "strides", number[]> & Record<string, number>;
  const { finalShapeSparse, finalShape, isIdentity, sliceDim0, isSimpleSlice, begin, end, strides } =
    tf.slice_util.sliceInfo(
      x.shape,
      given.begin,
      given.end,
      given.strides,
      given.beginMask!,
      given.endMask!,
      given.ellipsisMask!,
      given.newAxisMask!,
      given.shrinkAxisMask!,
    );
  if (isIdentity) return view(call, x, finalShape);
  if (sliceDim0 || isSimpleSlice) {
    return sliced(call, x, begin, tf.slice_util.computeOutShape(begin, end, strides), finalShape);
  }
  const values = sizeOf(finalShape) === 0 ? null : lying(call, x);
  if (values === null) return null;
  const out = call.like(values, sizeOf(finalShape));
  const { offset } = region(x.shape, begin);
  const source = { strides: denseStrides(x.shape).map((step, axis) => step * strides[axis]!), offset };
  const done = copy(call, finalShapeSparse, values, source, out, dense(finalShapeSparse));
  return done ? call.result(finalShape, x.dtype, out) : null;
};

/** Parts of the given lengths along an axis, one after the other. */
function parts(
  call: Call,
  x: tf.TensorInfo,
  axis: number,
  lengths: readonly number[],
  outShape: (length: number) => number[],
): tf.TensorInfo[] | null {
  if (lengths.includes(0) || sizeOf(x.shape) === 0) return null;
  let at = 0;
  const taken: tf.TensorInfo[] = [];
  for (const length of lengths) {
    const size = x.shape.map((n, i) => (i === axis ? length : n));
    const begin = x.shape.map((_, i) => (i === axis ? at : 0));
    const part = sliced(call, x, begin, size, outShape(length));
    if (part === null) return null;
    taken.push(part);
    at += length;
  }
  return taken;
}

const splitV: TableKernel = (call) => {
  const x = call.inputs.x!;
  const axis = tf.util.parseAxisParam(call.attrs.axis as number, x.shape)[0]!;
  const splits = call.attrs.numOrSizeSplits as number | number[];
  const lengths = tf.backend_util.prepareSplitSize(x as tf.Tensor, splits, axis);
  return parts(call, x, axis, lengths, (length) => x.shape.map((n, i) => (i === axis ? length : n)));
};

const unpack: TableKernel = (call) => {
  const x = call.inputs.value!;
  const axis = tf.util.parseAxisParam(call.attrs.axis as number, x.shape)[0]!;
  const rest = x.shape.filter((_, i) => i !== axis);
  return parts(call, x, axis, new Array<number>(x.shape[axis]!).fill(1), () => rest);
};

export const slices: Kernels = { Slice: slice, StridedSlice: stridedSlice, SplitV: splitV, Unpack: unpack };
