/** What the kernels of the "cpu-native" backend have in common: reading operands, making results, stepping aside. */
import * as tf from "@tensorflow/tfjs";
import type { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import type { Numbers, TensorTable } from "./table.js";

export interface Call {
  readonly inputs: Record<string, tf.TensorInfo>;
  readonly attrs: Record<string, unknown>;
  readonly backend: MathBackendCPU;
  readonly native: TensorTable;
}

/** A kernel on the addon. Null hands the call to tfjs' own kernel: another dtype, an empty tensor, a rare variant. */
export type NativeKernel = (call: Call) => tf.TensorInfo | tf.TensorInfo[] | null;

export type Kernels = Readonly<Record<string, NativeKernel>>;

/** Axes that the addon's strided kernels take. */
export const MAX_RANK = 8;

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** The float32 values of a tensor; null for other dtypes and for tensors without elements. */
export function floats({ backend }: Call, tensor: tf.TensorInfo | undefined): Float32Array | null {
  if (tensor === undefined || tensor.dtype !== "float32") return null;
  const { values } = backend.data.get(tensor.dataId);
  return values instanceof Float32Array && values.length > 0 ? values : null;
}

/** The values of a numeric or boolean tensor; null for strings, complex numbers and tensors without elements. */
export function numbers({ backend }: Call, tensor: tf.TensorInfo): Numbers | null {
  const { values } = backend.data.get(tensor.dataId);
  const known = values instanceof Float32Array || values instanceof Int32Array || values instanceof Uint8Array;
  return known && values.length > 0 ? values : null;
}

/** Memory that is about to be overwritten, so it is not cleared first. */
export function uninitialised(size: number): Float32Array {
  return new Float32Array(Buffer.allocUnsafeSlow(4 * size).buffer);
}

/** Memory of the same element type, not cleared. */
export function like<T extends Numbers>(values: T, size: number): T {
  const { buffer } = Buffer.allocUnsafeSlow(values.BYTES_PER_ELEMENT * size);
  return new (values.constructor as new (memory: ArrayBufferLike) => T)(buffer);
}

export function result(
  { backend }: Call,
  shape: readonly number[],
  dtype: tf.DataType,
  values: Numbers,
): tf.TensorInfo {
  return backend.makeTensorInfo([...shape], dtype, values);
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
): { shape: Int32Array; strides: Int32Array[] } {
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
  return { shape: Int32Array.from(lengths), strides: joined.map((strides) => Int32Array.from(strides)) };
}

/** Strides with which an operand of `shape` is repeated over the broadcast `outShape`. */
export function broadcastStrides(shape: readonly number[], outShape: readonly number[]): number[] {
  const lead = outShape.length - shape.length;
  const dense = denseStrides(shape);
  return outShape.map((_, axis) => (axis < lead || shape[axis - lead] === 1 ? 0 : dense[axis - lead]!));
}

export const { assertAndGetBroadcastShape } = tf.broadcast_util;
