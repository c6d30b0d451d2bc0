/** Calls of kernels on host memory: elements are the typed arrays that tensors live in. */
import type * as tf from "@tensorflow/tfjs";
import type { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { type Call, elementType, type HostValues, type Inputs } from "./kernel.js";
import type { ElementType, TensorTable, Values } from "./table.js";

const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

/** Memory that is about to be overwritten, so it is not cleared first. */
export function uninitialised(length: number): Float32Array {
  return make("float32", length) as Float32Array;
}

function make(type: ElementType, length: number): HostValues {
  const array = ARRAYS[type];
  const { buffer } = Buffer.allocUnsafeSlow(array.BYTES_PER_ELEMENT * length);
  return new array(buffer, 0, length);
}

/** Values as an array of a dtype: tfjs' kernels may leave another one, and casts that share their operand's. */
export function hostArray(values: unknown, type: ElementType): HostValues | null {
  const array = ARRAYS[type];
  if (values instanceof array) return values;
  return Array.isArray(values) || ArrayBuffer.isView(values) ? array.from(values as unknown as number[]) : null;
}

export class HostCall implements Call {
  constructor(
    readonly table: TensorTable,
    readonly backend: MathBackendCPU,
    readonly inputs: Inputs,
    readonly attrs: Call["attrs"],
  ) {}

  values({ dataId, dtype }: tf.TensorInfo): HostValues | null {
    const type = elementType(dtype);
    const values = type && hostArray(this.backend.data.get(dataId).values, type);
    return values?.length ? values : null;
  }

  alike(tensors: readonly tf.TensorInfo[]): HostValues[] | null {
    const all = tensors.map((tensor) => this.values(tensor));
    return all.includes(null) ? null : (all as HostValues[]);
  }

  known(tensor: tf.TensorInfo): HostValues | null {
    return this.values(tensor);
  }

  make(type: ElementType, length: number): HostValues {
    return make(type, length);
  }

  like(values: Values, length: number): HostValues {
    if (values instanceof Float32Array) return make("float32", length);
    return make(values instanceof Int32Array ? "int32" : "bool", length);
  }

  fill(values: Values, value: number): void {
    (values as HostValues).fill(value);
  }

  result(shape: readonly number[], dtype: tf.DataType, values: Values): tf.TensorInfo {
    return this.backend.makeTensorInfo([...shape], dtype, values as HostValues);
  }
}
