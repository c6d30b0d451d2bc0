/** Calls of kernels on the GPU: elements are buffers, moved there if need be. */
import type * as tf from "@tensorflow/tfjs";
import type { DeviceBuffer, DeviceType } from "../../native/addon.js";
import { hostArray } from "../backend/hostCall.js";
import { type Call, elementType, type HostValues, type Inputs, sizeOf } from "../backend/kernel.js";
import type { ElementType, TensorTable, Values } from "../backend/table.js";
import type { CudaBackend } from "./backend.js";

const TYPES: Readonly<Record<ElementType, DeviceType>> = { float32: "f32", int32: "i32", bool: "u8" };

export class DeviceCall implements Call {
  /** What the call has made, save its results. */
  readonly #made = new Set<DeviceBuffer>();
  readonly #results: tf.TensorInfo[] = [];

  constructor(
    readonly table: TensorTable,
    readonly backend: CudaBackend,
    readonly inputs: Inputs,
    readonly attrs: Call["attrs"],
  ) {}

  values(tensor: tf.TensorInfo): DeviceBuffer | null {
    const buffer = this.#lying(tensor);
    return buffer && this.#wide(buffer);
  }

  alike(tensors: readonly tf.TensorInfo[]): DeviceBuffer[] | null {
    const all = tensors.map((tensor) => this.#lying(tensor));
    if (all.includes(null)) return null;
    const buffers = all as DeviceBuffer[];
    const same = buffers.every(({ dtype }) => dtype === buffers[0]!.dtype);
    return same ? buffers : buffers.map((buffer) => this.#wide(buffer));
  }

  known({ dataId, dtype }: tf.TensorInfo): HostValues | null {
    const type = elementType(dtype);
    return type && hostArray(this.backend.storage(dataId).known, type);
  }

  make(type: ElementType, length: number): DeviceBuffer {
    return this.#create(TYPES[type], length);
  }

  like(values: Values, length: number): DeviceBuffer {
    return this.#create((values as DeviceBuffer).dtype, length);
  }

  fill(values: Values, value: number): void {
    this.backend.cuda.fill(values as DeviceBuffer, value);
  }

  result(shape: readonly number[], dtype: tf.DataType, values: Values): tf.TensorInfo {
    this.#made.delete(values as DeviceBuffer);
    const info = this.backend.tensorInfo(values as DeviceBuffer, shape, dtype as ElementType);
    this.#results.push(info);
    return info;
  }

  /** Gives back the memory that no result has, and that of results when the call ended without one. */
  end(successful: boolean): void {
    for (const buffer of this.#made) this.backend.cuda.dispose(buffer);
    if (!successful) for (const result of this.#results) this.backend.disposeIntermediateTensorInfo(result);
  }

  #lying({ dataId, dtype, shape }: tf.TensorInfo): DeviceBuffer | null {
    const type = elementType(dtype);
    return type === null || sizeOf(shape) === 0 ? null : this.backend.storage(dataId).toDevice("activations", type);
  }

  /** bfloat16 and float16 as float32. */
  #wide(buffer: DeviceBuffer): DeviceBuffer {
    if (buffer.dtype !== "bf16" && buffer.dtype !== "f16") return buffer;
    const copy = this.#create("f32", buffer.length);
    this.backend.cuda.copy(buffer, copy);
    return copy;
  }

  #create(type: DeviceType, length: number): DeviceBuffer {
    const buffer = this.backend.cuda.createBuffer(type, length, "activations");
    this.#made.add(buffer);
    return buffer;
  }
}
