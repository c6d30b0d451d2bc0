/** Kernels that lay whole tensors out anew: transpose, reverse, tile, pad, concat, pack. */
import * as tf from "@tensorflow/tfjs";
import { type Call, denseStrides, type Kernels, sizeOf, type TableKernel } from "./kernel.js";
import { copy, dense, region, transposed } from "./layout.js";
import type { Values } from "./table.js";

/** The elements of a tensor as they lie. */
export const lying = (call: Call, x: tf.TensorInfo) => call.alike([x])?.[0] ?? null;

const transpose: TableKernel = (call) => {
  const x = call.inputs.x!;
  const perm = call.attrs.perm as number[];
  const values = lying(call, x);
  const out = values && transposed(call, values, x.shape, perm);
  const shape = perm.map((axis) => x.shape[axis]!);
  return out && call.result(shape, x.dtype, out);
};

const reverse: TableKernel = (call) => {
  const x = call.inputs.x!;
  const values = lying(call, x);
  if (values === null) return null;
  const turned = tf.util.parseAxisParam(call.attrs.dims as number[], x.shape);
  const strides = denseStrides(x.shape);
  const offset = turned.reduce((sum, axis) => sum + (x.shape[axis]! - 1) * strides[axis]!, 0);
  const source = { strides: strides.map((step, axis) => (turned.includes(axis) ? -step : step)), offset };
  const out = call.like(values, values.length);
  return copy(call, x.shape, values, source, out, dense(x.shape)) ? call.result(x.shape, x.dtype, out) : null;
};

const tile: TableKernel = (call) => {
  const x = call.inputs.x!;
  const values = lying(call, x);
  const reps = call.attrs.reps as number[];
  const outShape = x.shape.map((n, i) => n * reps[i]!);
  if (values === null || sizeOf(outShape) === 0) return null;
  const out = call.like(values, sizeOf(outShape));
  const strides = denseStrides(x.shape);
  const outStrides = denseStrides(outShape);
  // Every axis as (repetition, element): the source stands still while it is repeated.
  const grid = x.shape.flatMap((n, i) => [reps[i]!, n]);
  const source = { strides: x.shape.flatMap((_, i) => [0, strides[i]!]), offset: 0 };
  const target = { strides: x.shape.flatMap((n, i) => [n * outStrides[i]!, outStrides[i]!]), offset: 0 };
  return copy(call, grid, values, source, out, target) ? call.result(outShape, x.dtype, out) : null;
};

/** The elements of a tensor with constants around them; null when there are none or too many axes. */
export function padded(
  call: Call,
  x: tf.TensorInfo,
  paddings: readonly (readonly [number, number])[],
  constant: number,
): { values: Values; shape: number[] } | null {
  const values = lying(call, x);
  if (values === null) return null;
  const shape = x.shape.map((n, i) => n + paddings[i]![0] + paddings[i]![1]);
  const out = call.like(values, sizeOf(shape));
  call.fill(out, constant);
  const begin = paddings.map(([before]) => before);
  return copy(call, x.shape, values, dense(x.shape), out, region(shape, begin)) ? { values: out, shape } : null;
}

const pad: TableKernel = (call) => {
  const x = call.inputs.x!;
  const { paddings, constantValue } = call.attrs as { paddings: [number, number][]; constantValue: number };
  const wider = padded(call, x, paddings, constantValue);
  return wider && call.result(wider.shape, x.dtype, wider.values);
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
  const values = call.alike(filled);
  if (values === null) return null;
  const out = call.like(values[0]!, sizeOf(outShape));
  let at = 0;
  for (const [i, part] of filled.entries()) {
    const begin = outShape.map((_, j) => (j === axis ? at : 0));
    if (!copy(call, part.shape, values[i]!, dense(part.shape), out, region(outShape, begin))) return null;
    at += part.shape[axis]!;
  }
  return call.result(outShape, first.dtype, out);
}

const listed = (call: Call): tf.TensorInfo[] => Object.values(call.inputs);

const concat: TableKernel = (call) => {
  const parts = listed(call);
  const axis = tf.util.parseAxisParam(call.attrs.axis as number, parts[0]!.shape)[0]!;
  return joined(call, parts, axis);
};

const pack: TableKernel = (call) => {
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

export const shapes: Kernels = {
  Transpose: transpose,
  Reverse: reverse,
  Tile: tile,
  PadV2: pad,
  Concat: concat,
  Pack: pack,
};
