/** Rarer layouts: space folded into batches or depth and back, padding by reflection, diagonals. */
import * as tf from "@tensorflow/tfjs";
import { type Call, denseStrides, type Kernels, sizeOf, type TableKernel } from "./kernel.js";
import { copy, dense, region, transposed } from "./layout.js";
import { lying, padded } from "./shape.js";
import type { Values } from "./table.js";

const { getReshaped, getPermuted, getReshapedPermuted, getSliceBeginCoords, getSliceSize } = tf.backend_util;

const depthToSpace: TableKernel = (call) => {
  const x = call.inputs.x!;
  const { blockSize, dataFormat } = call.attrs as { blockSize: number; dataFormat: string };
  const values = dataFormat === "NHWC" ? lying(call, x) : null;
  if (values === null) return null;
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const depth = channels / blockSize ** 2;
  const blocks = [batch, height, width, blockSize, blockSize, depth];
  const out = transposed(call, values, blocks, [0, 1, 3, 2, 4, 5]);
  return out && call.result([batch, height * blockSize, width * blockSize, depth], x.dtype, out);
};

const spaceToBatch: TableKernel = (call) => {
  const x = call.inputs.x!;
  const { blockShape, paddings } = call.attrs as { blockShape: number[]; paddings: [number, number][] };
  const blocks = sizeOf(blockShape);
  const around = x.shape.map((_, axis) => paddings[axis - 1] ?? ([0, 0] as [number, number]));
  const wider = padded(call, x, around, 0);
  if (wider === null) return null;
  const shape = getReshaped(wider.shape, blockShape, blocks, false);
  const perm = getPermuted(shape.length, blockShape.length, false);
  const out = transposed(call, wider.values, shape, perm);
  return out && call.result(getReshapedPermuted(wider.shape, blockShape, blocks, false), x.dtype, out);
};

const batchToSpace: TableKernel = (call) => {
  const x = call.inputs.x!;
  const { blockShape, crops } = call.attrs as { blockShape: number[]; crops: number[][] };
  const blocks = sizeOf(blockShape);
  const shape = getReshaped(x.shape, blockShape, blocks);
  const whole = getReshapedPermuted(x.shape, blockShape, blocks);
  const cropped = getSliceSize(whole, crops, blockShape.length);
  const size = [...cropped, ...whole.slice(cropped.length)];
  const values = sizeOf(size) === 0 ? null : lying(call, x);
  const turned = values && transposed(call, values, shape, getPermuted(shape.length, blockShape.length));
  if (turned === null) return null;
  const out = call.like(turned, sizeOf(size));
  const begins = getSliceBeginCoords(crops, blockShape.length);
  const begin = whole.map((_, axis) => begins[axis] ?? 0);
  const done = copy(call, size, turned, region(whole, begin), out, dense(size));
  return done ? call.result(size, x.dtype, out) : null;
};

/** Elements with reflections on both sides of an axis; `skipped` (0 or 1) elements at the edge are not repeated. */
function reflected(
  call: Call,
  values: Values,
  shape: readonly number[],
  axis: number,
  [before, after]: readonly [number, number],
  skipped: number,
): { values: Values; shape: number[] } | null {
  const length = shape[axis]!;
  const outShape = shape.map((n, i) => (i === axis ? before + n + after : n));
  const out = call.like(values, sizeOf(outShape));
  const strides = denseStrides(shape);
  const place = (count: number, from: number, step: number, to: number): boolean => {
    const grid = shape.map((n, i) => (i === axis ? count : n));
    const source = { strides: strides.map((s, i) => (i === axis ? step * s : s)), offset: from * strides[axis]! };
    const begin = shape.map((_, i) => (i === axis ? to : 0));
    return copy(call, grid, values, source, out, region(outShape, begin));
  };
  const done =
    place(length, 0, 1, before) &&
    place(before, before - 1 + skipped, -1, 0) &&
    place(after, length - 1 - skipped, -1, before + length);
  return done ? { values: out, shape: outShape } : null;
}

const mirrorPad: TableKernel = (call) => {
  const x = call.inputs.x!;
  const { paddings, mode } = call.attrs as { paddings: [number, number][]; mode: "reflect" | "symmetric" };
  let values = lying(call, x);
  if (values === null) return null;
  let shape = x.shape;
  const axes = paddings.flatMap(([before, after], axis) => (before + after > 0 ? [axis] : []));
  for (const axis of axes) {
    const next = reflected(call, values, shape, axis, paddings[axis]!, mode === "reflect" ? 1 : 0);
    if (next === null) return null;
    ({ values, shape } = next);
  }
  // Without padding there is nothing to lay out.
  return axes.length === 0 ? null : call.result(shape, x.dtype, values);
};

const diag: TableKernel = (call) => {
  const x = call.inputs.x!;
  const values = lying(call, x);
  if (values === null) return null;
  const size = values.length;
  const out = call.like(values, size * size);
  call.fill(out, 0);
  copy(call, [size], values, dense([size]), out, { strides: [size + 1], offset: 0 });
  return call.result([...x.shape, ...x.shape], x.dtype, out);
};

export const spaces: Kernels = {
  DepthToSpace: depthToSpace,
  SpaceToBatchND: spaceToBatch,
  BatchToSpaceND: batchToSpace,
  MirrorPad: mirrorPad,
  Diag: diag,
};
