/** Matrix products on OpenBLAS, plain and with a bias and an activation. */
import type * as tf from "@tensorflow/tfjs";
import { type Call, floats, type Kernels, type NativeKernel, result, sizeOf, uninitialised } from "./kernel.js";

interface Product {
  readonly values: Float32Array;
  readonly shape: number[];
}

/** a · b over the last two axes; a batch of one is shared. Null for what tfjs' kernel must do or refuse. */
function product(call: Call, a: tf.TensorInfo, b: tf.TensorInfo): Product | null {
  const [left, right] = [floats(call, a), floats(call, b)];
  if (left === null || right === null) return null;
  const { transposeA, transposeB } = call.attrs as { transposeA: boolean; transposeB: boolean };
  const [rowsA, columnsA] = a.shape.slice(-2) as [number, number];
  const [rowsB, columnsB] = b.shape.slice(-2) as [number, number];
  const [m, k] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA];
  const [inner, n] = transposeB ? [columnsB, rowsB] : [rowsB, columnsB];
  const [batchA, batchB] = [sizeOf(a.shape.slice(0, -2)), sizeOf(b.shape.slice(0, -2))];
  const sameBatch = a.shape.slice(0, -2).join() === b.shape.slice(0, -2).join();
  if (k !== inner || !(sameBatch || batchA === 1 || batchB === 1)) return null;
  const batch = Math.max(batchA, batchB);
  const longer = a.shape.length >= b.shape.length ? a.shape : b.shape;
  const lead = (batchA >= batchB && a.shape.length === longer.length ? a.shape : longer).slice(0, -2);
  if (sizeOf(lead) !== batch) return null;
  const out = uninitialised(batch * m * n);
  const [sharedA, sharedB] = [batchA === 1, batchB === 1];
  call.native.batchMatMul(left, right, out, batch, m, n, k, transposeA, transposeB, sharedA, sharedB);
  return { values: out, shape: [...lead, m, n] };
}

const batchMatMul: NativeKernel = (call) => {
  const done = product(call, call.inputs.a!, call.inputs.b!);
  return done && result(call, done.shape, "float32", done.values);
};

/** Activations that have a kernel of their own here. */
const ACTIVATIONS: Readonly<Record<string, "Relu" | "Relu6" | "Elu" | "Sigmoid" | "LeakyRelu">> = {
  relu: "Relu",
  relu6: "Relu6",
  elu: "Elu",
  sigmoid: "Sigmoid",
  leakyrelu: "LeakyRelu",
};

const fusedMatMul: NativeKernel = (call) => {
  const { a, b, bias } = call.inputs;
  const { activation, leakyreluAlpha } = call.attrs as { activation: string; leakyreluAlpha: number };
  const kernel = ACTIVATIONS[activation];
  const added = floats(call, bias);
  if ((activation !== "linear" && kernel === undefined) || (bias !== undefined && added === null)) return null;
  if (added !== null && (bias!.shape.at(-1) !== added.length || added.length === 1)) return null;
  const done = product(call, a!, b!);
  if (done === null) return null;
  if (added !== null) {
    if (done.shape.at(-1) !== added.length) return null;
    call.native.addBias(done.values, added);
  }
  if (kernel !== undefined) call.native[kernel](done.values, done.values, leakyreluAlpha);
  return result(call, done.shape, "float32", done.values);
};

export const products: Kernels = { BatchMatMul: batchMatMul, _FusedMatMul: fusedMatMul };
