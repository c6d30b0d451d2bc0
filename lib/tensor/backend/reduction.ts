/** Sums, means, products, extremes, their places and truth over axes; running sums and products; softmax. */
import * as tf from "@tensorflow/tfjs";
import { type Call, elementType, type Kernels, sizeOf, type TableKernel, valuesOf } from "./kernel.js";
import { transposed } from "./layout.js";
import { ARG_REDUCTIONS, BOOL_REDUCTIONS, type ElementType, type REDUCTIONS, SCANS, type Values } from "./table.js";

const { parseAxisParam } = tf.util;
const { computeOutAndReduceShapes, expandShapeToKeepDim } = tf.backend_util;

/** The reduced axes as one block of neighbours: [outer, length, inner]. */
function block(call: Call, values: Values, shape: readonly number[], axes: readonly number[]) {
  const from = axes[0] ?? shape.length;
  const neighbours = axes.every((axis, i) => axis === from + i);
  const length = sizeOf(axes.map((axis) => shape[axis]!));
  if (neighbours) {
    const outer = sizeOf(shape.slice(0, from));
    return { values, outer, length, inner: values.length / outer / length };
  }
  const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const laidOut = transposed(call, values, shape, [...kept, ...axes]);
  return laidOut && { values: laidOut, outer: values.length / length, length, inner: 1 };
}

/** The elements in another type. */
function converted(call: Call, values: Values, to: ElementType): Values {
  const out = call.make(to, values.length);
  call.table.Cast(values, out);
  return out;
}

type Name = (typeof REDUCTIONS | typeof ARG_REDUCTIONS | typeof BOOL_REDUCTIONS)[number];

/** @param types what is reduced in which type, and comes as which: by dtype of the tensor */
function reduction(
  name: Name,
  types: Partial<Record<ElementType, readonly [computed: ElementType, result: ElementType]>>,
): TableKernel {
  return (call) => {
    const x = call.inputs.x!;
    const dtype = elementType(x.dtype);
    const [computed, type] = (dtype && types[dtype]) ?? [];
    const given = computed && type ? call.values(x) : null;
    if (given === null) return null;
    const { axis, reductionIndices, keepDims } = call.attrs;
    const axes = [...parseAxisParam((axis ?? reductionIndices) as number | number[], x.shape)].sort((a, b) => a - b);
    const [outShape] = computeOutAndReduceShapes(x.shape, axes);
    const values = computed === dtype ? given : converted(call, given, computed!);
    const lines = block(call, values, x.shape, axes);
    if (lines === null) return null;
    const out = call.make(type!, lines.outer * lines.inner);
    call.table[name](lines.values, lines.outer, lines.length, lines.inner, out);
    return call.result(keepDims ? expandShapeToKeepDim(outShape, axes) : outShape, type!, out);
  };
}

function scan(name: (typeof SCANS)[number]): TableKernel {
  return (call) => {
    const x = call.inputs.x!;
    const given = call.values(x);
    if (given === null) return null;
    const dtype = x.dtype === "float32" ? "float32" : "int32";
    const { exclusive, reverse } = call.attrs as { exclusive: boolean; reverse: boolean };
    const axis = parseAxisParam(call.attrs.axis as number, x.shape)[0]!;
    const values = x.dtype === "bool" ? converted(call, given, "int32") : given;
    const inner = sizeOf(x.shape.slice(axis + 1));
    const outer = sizeOf(x.shape.slice(0, axis));
    const out = call.make(dtype, values.length);
    call.table[name](values, outer, x.shape[axis]!, inner, exclusive, reverse, out);
    return call.result(x.shape, dtype, out);
  };
}

const softmax: TableKernel = (call) => {
  const logits = call.inputs.logits!;
  const values = valuesOf(call, logits, "float32");
  const columns = logits.shape.at(-1);
  const dim = call.attrs.dim as number;
  if (values === null || columns === undefined || (dim !== -1 && dim !== logits.shape.length - 1)) return null;
  const out = call.make("float32", values.length);
  call.table.Softmax(values, values.length / columns, columns, out);
  return call.result(logits.shape, "float32", out);
};

const FLOATS = { float32: ["float32", "float32"] } as const;
const NUMBERS = { ...FLOATS, int32: ["int32", "int32"] } as const;
const COUNTED = { ...NUMBERS, bool: ["int32", "int32"] } as const;

export const reductions: Kernels = {
  Sum: reduction("Sum", COUNTED),
  Mean: reduction("Mean", { ...FLOATS, int32: ["float32", "float32"], bool: ["float32", "float32"] }),
  Prod: reduction("Prod", COUNTED),
  Max: reduction("Max", NUMBERS),
  Min: reduction("Min", NUMBERS),
  ...Object.fromEntries(
    ARG_REDUCTIONS.map((name) => [name, reduction(name, { float32: ["float32", "int32"], int32: ["int32", "int32"] })]),
  ),
  ...Object.fromEntries(BOOL_REDUCTIONS.map((name) => [name, reduction(name, { bool: ["bool", "bool"] })])),
  ...Object.fromEntries(SCANS.map((name) => [name, scan(name)])),
  Softmax: softmax,
};
