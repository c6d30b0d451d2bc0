/** Sum, mean, product, maximum and minimum over axes, and softmax, for float32. */
import * as tf from "@tensorflow/tfjs";
import { type Call, floats, type Kernels, type NativeKernel, result, sizeOf, uninitialised } from "./kernel.js";
import { transposed } from "./shape.js";
import { REDUCTIONS } from "./table.js";

const { parseAxisParam } = tf.util;
const { computeOutAndReduceShapes, expandShapeToKeepDim } = tf.backend_util;

/** The reduced axes as one block of neighbours: [outer, reduced, inner]. */
function block(call: Call, values: Float32Array, shape: readonly number[], axes: readonly number[]) {
  const from = axes[0] ?? shape.length;
  const neighbours = axes.every((axis, i) => axis === from + i);
  const reduced = sizeOf(axes.map((axis) => shape[axis]!));
  if (neighbours) {
    const outer = sizeOf(shape.slice(0, from));
    return { values, outer, reduced, inner: values.length / outer / reduced };
  }
  const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  return {
    values: transposed(call, values, shape, [...kept, ...axes]),
    outer: values.length / reduced,
    reduced,
    inner: 1,
  };
}

function reduction(name: (typeof REDUCTIONS)[number]): NativeKernel {
  return (call) => {
    const x = call.inputs.x!;
    const values = floats(call, x);
    if (values === null) return null;
    const { axis, reductionIndices, keepDims } = call.attrs;
    const given = (axis ?? reductionIndices) as number | number[];
    const axes = [...parseAxisParam(given, x.shape)].sort((a, b) => a - b);
    const [outShape] = computeOutAndReduceShapes(x.shape, axes);
    const { values: laidOut, outer, reduced, inner } = block(call, values, x.shape, axes);
    const out = uninitialised(outer * inner);
    call.native[name](laidOut, outer, reduced, inner, out);
    const shape = keepDims ? expandShapeToKeepDim(outShape, axes) : outShape;
    return result(call, shape, "float32", out);
  };
}

const softmax: NativeKernel = (call) => {
  const logits = call.inputs.logits!;
  const values = floats(call, logits);
  const columns = logits.shape.at(-1);
  const dim = call.attrs.dim as number;
  if (values === null || columns === undefined || (dim !== -1 && dim !== logits.shape.length - 1)) return null;
  const out = uninitialised(values.length);
  call.native.Softmax(values, values.length / columns, columns, out);
  return result(call, logits.shape, "float32", out);
};

export const reductions: Kernels = {
  ...Object.fromEntries(REDUCTIONS.map((name) => [name, reduction(name)])),
  Softmax: softmax,
};
