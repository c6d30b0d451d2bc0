/** Arithmetic, comparison and unary kernels for float32. */
import {
  assertAndGetBroadcastShape,
  broadcastStrides,
  collapse,
  floats,
  type Kernels,
  MAX_RANK,
  type NativeKernel,
  result,
  sizeOf,
  uninitialised,
} from "./kernel.js";
import { ARITHMETIC, COMPARISONS, UNARY } from "./table.js";

type BinaryName = (typeof ARITHMETIC)[number] | (typeof COMPARISONS)[number];

function binary(name: BinaryName, comparison: boolean): NativeKernel {
  return (call) => {
    const { a, b } = call.inputs as { a: (typeof call.inputs)[string]; b: (typeof call.inputs)[string] };
    const [left, right] = [floats(call, a), floats(call, b)];
    if (left === null || right === null) return null;
    const outShape = assertAndGetBroadcastShape(a.shape, b.shape);
    const grid = collapse(outShape, [broadcastStrides(a.shape, outShape), broadcastStrides(b.shape, outShape)]);
    if (grid.shape.length > MAX_RANK) return null;
    const size = sizeOf(outShape);
    const out = comparison ? new Uint8Array(size) : uninitialised(size);
    call.native[name](left, grid.strides[0]!, right, grid.strides[1]!, grid.shape, out as Float32Array & Uint8Array);
    return result(call, outShape, comparison ? "bool" : "float32", out);
  };
}

/** The attributes that are passed on as parameters. */
const PARAMETERS: Partial<Record<(typeof UNARY)[number], readonly string[]>> = {
  LeakyRelu: ["alpha"],
  ClipByValue: ["clipValueMin", "clipValueMax"],
};

function unary(name: (typeof UNARY)[number]): NativeKernel {
  return (call) => {
    const x = call.inputs.x!;
    const values = floats(call, x);
    if (values === null) return null;
    const out = uninitialised(values.length);
    const [first, second] = (PARAMETERS[name] ?? []).map((attribute) => call.attrs[attribute] as number);
    call.native[name](values, out, first, second);
    return result(call, x.shape, "float32", out);
  };
}

export const elementwise: Kernels = Object.fromEntries([
  ...ARITHMETIC.map((name) => [name, binary(name, false)]),
  ...COMPARISONS.map((name) => [name, binary(name, true)]),
  ...UNARY.map((name) => [name, unary(name)]),
]);
