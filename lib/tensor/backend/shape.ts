/** Kernels that only move values: transpose, slice, concat, pack, split, unpack, pad, tile, reverse. */
import * as tf from "@tensorflow/tfjs";
import {
  type Call,
  collapse,
  denseStrides,
  type Kernels,
  like,
  MAX_RANK,
  type NativeKernel,
  numbers,
  result,
  sizeOf,
} from "./kernel.js";
import type { Numbers } from "./table.js";

interface Placement {
  readonly strides: readonly number[];
  readonly offset: number;
}

/** Copies the grid `shape`; false when it has more axes than the addon takes. */
function copy<T extends Numbers>(
  call: Call,
  shape: readonly number[],
  from: T,
  source: Placement,
  to: T,
  target: Placement,
): boolean {
  if (sizeOf(shape) === 0) return true;
  const grid = collapse(shape, [source.strides, target.strides]);
  if (grid.shape.length > MAX_RANK) return false;
  call.native.copy(from, grid.strides[0]!, source.offset, grid.shape, to, grid.strides[1]!, target.offset);
  return true;
}

const dense = (shape: readonly number[]): Placement => ({ strides: denseStrides(shape), offset: 0 });

/** Where the region that begins at `begin` lies in a dense tensor. */
function region(shape: readonly number[], begin: readonly number[]): Placement {
  const strides = denseStrides(shape);
  return { strides, offset: begin.reduce((sum, start, axis) => sum + start * strides[axis]!, 0) };
}

/** Values with their axes in the order `perm`. The rank is at most MAX_RANK. */
export function transposed<T extends Numbers>(
  call: Call,
  values: T,
  shape: readonly number[],
  perm: readonly number[],
): T {
  const outShape = perm.map((axis) => shape[axis]!);
  const strides = denseStrides(shape);
  const out = like(values, values.length);
  const source = { strides: perm.map((axis) => strides[axis]!), offset: 0 };
  copy(call, outShape, values, source, out, dense(outShape));
  return out;
}

const transpose: NativeKernel = (call) => {
  const x = call.inputs.x!;
  const values = numbers(call, x);
  if (values === null || x.shape.length > MAX_RANK) return null;
  const perm = call.attrs.perm as number[];
  const out = transposed(call, values, x.shape, perm);
  return result(
    call,
    perm.map((axis) => x.shape[axis]!),
    x.dtype,
    out,
  );
};

function sliced(call: Call, x: tf.TensorInfo, begin: readonly number[], size: readonly number[]): tf.TensorInfo | null {
  const values = numbers(call, x);
  if (values === null || sizeOf(size) === 0) return null;
  const out = like(values, sizeOf(size));
  return copy(call, size, values, region(x.shape, begin), out, dense(size)) ? result(call, size, x.dtype, out) : null;
}

const slice: NativeKernel = (call) => {
  const x = call.inputs.x!;
  const { begin, size } = call.attrs as { begin: number | number[]; size: number | number[] };
  const [from, lengths] = tf.slice_util.parseSliceParams(x as tf.Tensor, begin, size);
  tf.slice_util.assertParamsValid(x as tf.Tensor, from!, lengths!);
  return sliced(call, x, from!, lengths!);
};

/** Tensors side by side along one axis. */
function joined(call: Call, parts: readonly tf.TensorInfo[], axis: number): tf.TensorInfo | null {
  const filled = parts.filter((part) => sizeOf(part.shape) > 0);
  const [first] = filled;
  if (first === undefined || filled.some((part) => part.dtype !== first.dtype)) return null;
  const shapes = parts.map((part) => part.shape);
  tf.backend_util.assertParamsConsistent(shapes, axis);
  const outShape = tf.backend_util.computeOutShape(
    filled.map((part) => part.shape),
    axis,
  );
  const sample = numbers(call, first);
  if (sample === null) return null;
  const out = like(sample, sizeOf(outShape));
  let at = 0;
  for (const part of filled) {
    const values = numbers(call, part);
    const begin = outShape.map((_, i) => (i === axis ? at : 0));
    if (values === null || values.constructor !== out.constructor) return null;
    if (!copy(call, part.shape, values, dense(part.shape), out, region(outShape, begin))) return null;
    at += part.shape[axis]!;
  }
  return result(call, outShape, first.dtype, out);
}

const listed = (call: Call): tf.TensorInfo[] => Object.values(call.inputs);

const concat: NativeKernel = (call) => {
  const parts = listed(call);
  const axis = tf.util.parseAxisParam(call.attrs.axis as number, parts[0]!.shape)[0]!;
  return joined(call, parts, axis);
};

const pack: NativeKernel = (call) => {
  const parts = listed(call);
  const axis = call.attrs.axis as number;
  const { shape, dtype } = parts[0]!;
  const uneven = parts.some((part) => part.dtype !== dtype || part.shape.some((n, i) => n !== shape[i]));
  if (uneven || axis < 0) return null;
  const widened = parts.map((part) => ({
    ...part,
    dataId: part.dataId,
    dtype,
    shape: [...part.shape.slice(0, axis), 1, ...part.shape.slice(axis)],
  }));
  return joined(call, widened, axis);
};

const splitV: NativeKernel = (call) => {
  const x = call.inputs.x!;
  const axis = tf.util.parseAxisParam(call.attrs.axis as number, x.shape)[0]!;
  const lengths = tf.backend_util.prepareSplitSize(
    x as tf.Tensor,
    call.attrs.numOrSizeSplits as number | number[],
    axis,
  );
  if (numbers(call, x) === null || lengths.includes(0)) return null;
  let at = 0;
  const parts: tf.TensorInfo[] = [];
  for (const length of lengths) {
    const size = x.shape.map((n, i) => (i === axis ? length : n));
    const begin = x.shape.map((_, i) => (i === axis ? at : 0));
    parts.push(sliced(call, x, begin, size)!);
    at += length;
  }
  return parts;
};

const pad: NativeKernel = (call) => {
  const x = call.inputs.x!;
  const values = numbers(call, x);
  if (values === null || x.shape.length > MAX_RANK) return null;
  const { paddings, constantValue } = call.attrs as { paddings: [number, number][]; constantValue: number };
  const outShape = x.shape.map((n, i) => n + paddings[i]![0] + paddings[i]![1]);
  const out = like(values, sizeOf(outShape)).fill(constantValue) as Numbers;
  const begin = paddings.map(([before]) => before);
  copy(call, x.shape, values, dense(x.shape), out, region(outShape, begin));
  return result(call, outShape, x.dtype, out);
};

const tile: NativeKernel = (call) => {
  const x = call.inputs.x!;
  const values = numbers(call, x);
  const reps = call.attrs.reps as number[];
  const outShape = x.shape.map((n, i) => n * reps[i]!);
  if (values === null || sizeOf(outShape) === 0) return null;
  const out = like(values, sizeOf(outShape));
  const strides = denseStrides(x.shape);
  const outStrides = denseStrides(outShape);
  // Every axis as (repetition, element): the source stands still while it is repeated.
  const grid = x.shape.flatMap((n, i) => [reps[i]!, n]);
  const source = { strides: x.shape.flatMap((_, i) => [0, strides[i]!]), offset: 0 };
  const target = { strides: x.shape.flatMap((n, i) => [n * outStrides[i]!, outStrides[i]!]), offset: 0 };
  return copy(call, grid, values, source, out, target) ? result(call, outShape, x.dtype, out) : null;
};

const reverse: NativeKernel = (call) => {
  const x = call.inputs.x!;
  const values = numbers(call, x);
  if (values === null || x.shape.length > MAX_RANK) return null;
  const turned = tf.util.parseAxisParam(call.attrs.dims as number[], x.shape);
  const strides = denseStrides(x.shape);
  const offset = turned.reduce((sum, axis) => sum + (x.shape[axis]! - 1) * strides[axis]!, 0);
  const source = { strides: strides.map((step, axis) => (turned.includes(axis) ? -step : step)), offset };
  const out = like(values, values.length);
  copy(call, x.shape, values, source, out, dense(x.shape));
  return result(call, x.shape, x.dtype, out);
};

export const shapes: Kernels = {
  Transpose: transpose,
  Slice: slice,
  Concat: concat,
  Pack: pack,
  SplitV: splitV,
  PadV2: pad,
  Tile: tile,
  Reverse: reverse,
};
