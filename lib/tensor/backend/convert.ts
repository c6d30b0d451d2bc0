/** Tensors from a type, a value, a condition or places: cast, fill, select, one-hot. */
import type * as tf from "@tensorflow/tfjs";
import { type Call, elementType, type Kernels, sizeOf, type TableKernel, valuesOf } from "./kernel.js";

const cast: TableKernel = (call) => {
  const x = call.inputs.x!;
  const to = elementType(call.attrs.dtype as tf.DataType);
  const values = to === null || x.dtype === to ? null : call.values(x);
  if (values === null) return null;
  const out = call.make(to!, values.length);
  call.table.Cast(values, out);
  return call.result(x.shape, to!, out);
};

function filled(call: Call, shape: readonly number[], dtype: tf.DataType, value: number): tf.TensorInfo | null {
  const type = elementType(dtype);
  if (type === null || sizeOf(shape) === 0) return null;
  const out = call.make(type, sizeOf(shape));
  call.fill(out, value);
  return call.result(shape, dtype, out);
}

const fill: TableKernel = (call) => {
  const { shape, value, dtype } = call.attrs as { shape: number[]; value: unknown; dtype?: tf.DataType };
  if (typeof value === "boolean") return filled(call, shape, dtype ?? "bool", Number(value));
  return typeof value === "number" ? filled(call, shape, dtype ?? "float32", value) : null;
};

const select: TableKernel = (call) => {
  const { condition, t, e } = call.inputs as Record<"condition" | "t" | "e", tf.TensorInfo>;
  const sizes = [condition, t, e].map(({ shape }) => sizeOf(shape));
  if (t.dtype !== e.dtype || sizes.some((size) => size !== sizes[0])) return null;
  const chosen = valuesOf(call, condition, "bool");
  const [a, b] = [call.values(t), call.values(e)];
  if (chosen === null || a === null || b === null) return null;
  const out = call.like(a, a.length);
  call.table.Select(chosen, a, b, out);
  return call.result(t.shape, t.dtype, out);
};

const oneHot: TableKernel = (call) => {
  const indices = call.inputs.indices!;
  const { depth, onValue, offValue, dtype } = call.attrs as {
    depth: number;
    onValue: number;
    offValue: number;
    dtype: tf.DataType;
  };
  const type = elementType(dtype);
  const places = valuesOf(call, indices, "int32");
  if (type === null || places === null || depth < 1) return null;
  const out = call.make(type, places.length * depth);
  call.table.OneHot(places, onValue, offValue, out);
  return call.result([...indices.shape, depth], dtype, out);
};

export const conversions: Kernels = {
  Cast: cast,
  Fill: fill,
  ZerosLike: (call) => filled(call, call.inputs.x!.shape, call.inputs.x!.dtype, 0),
  OnesLike: (call) => filled(call, call.inputs.x!.shape, call.inputs.x!.dtype, 1),
  Select: select,
  OneHot: oneHot,
};
