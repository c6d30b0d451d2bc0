/** Matrix products, plain and with a bias and an activation. */
import type * as tf from "@tensorflow/tfjs";
import { combine } from "./elementwise.js";
import {
  assertAndGetBroadcastShape,
  broadcastStrides,
  type Call,
  type Kernels,
  sizeOf,
  type TableKernel,
  valuesOf,
} from "./kernel.js";
import { copy, dense } from "./layout.js";
import type { Values } from "./table.js";

interface Product {
  readonly values: Values;
  readonly shape: number[];
}

/** Matrices repeated over the batches of a product, where they are neither one for all nor one for each. */
function repeated(call: Call, values: Values, shape: readonly number[], batches: readonly number[]): Values | null {
  const outShape = [...batches, ...shape.slice(-2)];
  const out = call.like(values, sizeOf(outShape));
  const source = { strides: broadcastStrides(shape, outShape), offset: 0 };
  return copy(call, outShape, values, source, out, dense(outShape)) ? out : null;
}

/** a · b over the last two axes; the others are broadcast. Null for what tfjs' kernel must do or refuse. */
function product(call: Call, a: tf.TensorInfo, b: tf.TensorInfo): Product | null {
  if (a.dtype !== "float32" || b.dtype !== "float32") return null;
  const { transposeA, transposeB } = call.attrs as { transposeA: boolean; transposeB: boolean };
  const [rowsA, columnsA] = a.shape.slice(-2) as [number, number];
  const [rowsB, columnsB] = b.shape.slice(-2) as [number, number];
  const [m, k] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA];
  const [inner, n] = transposeB ? [columnsB, rowsB] : [rowsB, columnsB];
  const batches = assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const batch = sizeOf(batches);
  const given = k === inner ? call.alike([a, b]) : null;
  if (given === null) return null;
  const [sharedA, sharedB] = [a, b].map(({ shape }) => sizeOf(shape.slice(0, -2)) === 1) as [boolean, boolean];
  const [left, right] = [a, b].map(({ shape }, i) => {
    const own = sizeOf(shape.slice(0, -2));
    return own === 1 || own === batch ? given[i]! : repeated(call, given[i]!, shape, batches);
  }) as [Values | null, Values | null];
  if (left === null || right === null) return null;
  const out = call.make("float32", batch * m * n);
  call.table.batchMatMul(left, right, out, batch, m, n, k, transposeA, transposeB, sharedA, sharedB);
  return { values: out, shape: [...batches, m, n] };
}

const batchMatMul: TableKernel = (call) => {
  const done = product(call, call.inputs.a!, call.inputs.b!);
  return done && call.result(done.shape, "float32", done.values);
};

/** tfjs' activations as ops on the result. */
const ACTIVATIONS = {
  relu: "Relu",
  relu6: "Relu6",
  elu: "Elu",
  sigmoid: "Sigmoid",
  leakyrelu: "LeakyRelu",
} as const;

/** An operand of what is done to a product's elements in place; null when it is absent or does not fit. */
function addition(call: Call, operand: tf.TensorInfo | undefined, shape: readonly number[]) {
  const values = valuesOf(call, operand, "float32");
  if (values === null || operand === undefined) return null;
  const fits = assertAndGetBroadcastShape([...shape], operand.shape).join() === shape.join();
  return fits ? ([values, operand.shape] as const) : null;
}

const fusedMatMul: TableKernel = (call) => {
  const { a, b, bias, preluActivationWeights } = call.inputs;
  const { activation, leakyreluAlpha } = call.attrs as { activation: string; leakyreluAlpha: number };
  const op = ACTIVATIONS[activation as keyof typeof ACTIVATIONS];
  if (op === undefined && activation !== "linear" && activation !== "prelu") return null;
  const done = product(call, a!, b!);
  if (done === null) return null;
  const { values, shape } = done;
  const added = addition(call, bias, shape);
  const slopes = activation === "prelu" ? addition(call, preluActivationWeights, shape) : null;
  if ((bias !== undefined && added === null) || (activation === "prelu" && slopes === null)) return null;
  if (added !== null) combine(call, "Add", [values, shape], added, shape, () => values);
  if (slopes !== null) combine(call, "Prelu", [values, shape], slopes, shape, () => values);
  if (op !== undefined) call.table[op](values, values, leakyreluAlpha);
  return call.result(shape, "float32", values);
};

export const products: Kernels = { BatchMatMul: batchMatMul, _FusedMatMul: fusedMatMul };
