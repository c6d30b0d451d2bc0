/** What kernels over a tensor table have in common: reading operands, making results, stepping aside, walking grids. */
import * as tf from "@tensorflow/tfjs";
import type { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import type { ElementType, TensorTable, Values } from "./table.js";

export type Inputs = Readonly<Record<string, tf.TensorInfo>>;
export type HostValues = Float32Array | Int32Array | Uint8Array;

/** One call of a kernel, and the memory that it computes on: the host's or the GPU's. */
export interface Call {
  readonly inputs: Inputs;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly backend: MathBackendCPU;
  readonly table: TensorTable;
  /** A tensor's elements in the type of its dtype; null for strings, complex numbers and tensors without elements. */
  values(tensor: tf.TensorInfo): Values | null;
  /** The same for ops that only move elements: as they lie, in bfloat16 or float16 say, when all lie in one type. */
  alike(tensors: readonly tf.TensorInfo[]): Values[] | null;
  /** The elements where JavaScript can read them at once; null when only the GPU has them. */
  known(tensor: tf.TensorInfo): HostValues | null;
  /** Uninitialised memory, for a result or for the call alone: what no result has is given back when the call is over. */
  make(dtype: ElementType, length: number): Values;
  /** The same in the element type of other values. */
  like(values: Values, length: number): Values;
  fill(values: Values, value: number): void;
  result(shape: readonly number[], dtype: tf.DataType, values: Values): tf.TensorInfo;
}

/** A kernel on a table. Null hands the call to tfjs' own kernel: another dtype, an empty tensor, a rare variant. */
export type TableKernel = (call: Call) => tf.TensorInfo | tf.TensorInfo[] | null;

export type Kernels = Readonly<Record<string, TableKernel>>;

/** The type in which a table holds a tensor's elements, null when it does not. */
export function elementType(dtype: tf.DataType): ElementType | null {
  return dtype === "float32" || dtype === "int32" || dtype === "bool" ? dtype : null;
}

/** The elements of a tensor of one dtype; null for others and where `values` gives null. */
export function valuesOf(call: Call, tensor: tf.TensorInfo | undefined, dtype: ElementType): Values | null {
  return tensor?.dtype === dtype ? call.values(tensor) : null;
}

/** Another shape over the same elements. */
export function view({ backend }: Call, { dataId, dtype }: tf.TensorInfo, shape: readonly number[]): tf.TensorInfo {
  backend.incRef(dataId);
  return { dataId, dtype, shape: [...shape] };
}

// --- Shapes and grids ------------------------------------------------------------------------------------------------

/** Axes that the strided ops take. */
export const MAX_RANK = 8;

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** Row-major strides of a dense tensor. */
export function denseStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis]!;
  }
  return strides;
}

/** A grid and its operands' strides with neighbouring axes joined where every operand runs through them evenly. */
export function collapse(
  shape: readonly number[],
  operands: readonly (readonly number[])[],
): { shape: Float64Array; strides: Float64Array[] } {
  const lengths: number[] = [];
  const joined: number[][] = operands.map(() => []);
  for (let axis = 0; axis < shape.length; axis++) {
    if (shape[axis] === 1) continue;
    const last = lengths.length - 1;
    const even = last >= 0 && operands.every((strides, i) => joined[i]![last] === strides[axis]! * shape[axis]!);
    if (even) {
      lengths[last]! *= shape[axis]!;
      operands.forEach((strides, i) => {
        joined[i]![last] = strides[axis]!;
      });
    } else {
      lengths.push(shape[axis]!);
      operands.forEach((strides, i) => {
        joined[i]!.push(strides[axis]!);
      });
    }
  }
  if (lengths.length === 0) {
    lengths.push(1);
    for (const strides of joined) strides.push(0);
  }
  return { shape: Float64Array.from(lengths), strides: joined.map((strides) => Float64Array.from(strides)) };
}

/** Strides with which an operand of `shape` is repeated over the broadcast `outShape`. */
export function broadcastStrides(shape: readonly number[], outShape: readonly number[]): number[] {
  const lead = outShape.length - shape.length;
  const dense = denseStrides(shape);
  return outShape.map((_, axis) => (axis < lead || shape[axis - lead] === 1 ? 0 : dense[axis - lead]!));
}

export const { assertAndGetBroadcastShape } = tf.broadcast_util;
