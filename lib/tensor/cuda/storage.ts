/**
 * Where a tensor's values are on the backend "cuda": in host memory, where tfjs makes them and its forwarded kernels read
 * them, or in a buffer on the GPU, where ops leave them. They move when the other side first asks.
 */
import type * as tf from "@tensorflow/tfjs";
import type { CudaTable, DeviceBuffer, DeviceType, MemoryOwner } from "../../native/addon.js";
import { pinning } from "../outOfMemory.js";

/** Copies up to this many elements stay on the host too once they were read. */
const KEPT_ELEMENTS = 1 << 16;

export class Storage {
  refCount: number;
  complexTensorInfos?: { real: tf.TensorInfo; imag: tf.TensorInfo };
  #host: tf.backend_util.BackendValues | undefined;
  #device: DeviceBuffer | null = null;
  /** The buffer is one in host memory. */
  #onHost = false;
  /** Counts changes in place, so that a download that one overtook is not kept. */
  #written = 0;

  constructor(
    private readonly cuda: CudaTable,
    readonly dtype: tf.DataType,
    values: tf.backend_util.BackendValues | undefined,
    refCount = 1,
  ) {
    this.#host = values;
    this.refCount = refCount;
  }

  static onDevice(cuda: CudaTable, buffer: DeviceBuffer): Storage {
    const storage = new Storage(cuda, "float32", undefined);
    storage.#device = buffer;
    return storage;
  }

  /** The buffer, when the values are on the GPU already. */
  get device(): DeviceBuffer | null {
    return this.#device;
  }

  /** The values on the host: waits for the GPU when they are not there. */
  get values(): tf.backend_util.BackendValues {
    // Complex numbers have no values of their own; tfjs' type of a storage does not say so.
    if (this.#host !== undefined || this.#device === null) return this.#host as tf.backend_util.BackendValues;
    return this.#remember(this.cuda.downloadSync(this.#device), this.#written);
  }

  /** The same without making JavaScript wait. */
  async read(): Promise<tf.backend_util.BackendValues> {
    if (this.#host !== undefined || this.#device === null) return this.values;
    const at = this.#written;
    return this.#remember(await this.cuda.download(this.#device), at);
  }

  /** The buffer on the GPU; from then on the values live there. */
  toDevice(owner: MemoryOwner, dtype: DeviceType = "f32"): DeviceBuffer {
    if (this.#device === null) {
      const values = this.#host;
      const floats = values instanceof Float32Array;
      this.#device = this.cuda.upload(floats ? values : Float32Array.from(values as Int32Array), { dtype, owner });
      // Integers may be shared by a tensor of integers and its cast.
      if (floats) this.#host = undefined;
    }
    return this.#device;
  }

  /** The buffer, about to be changed: what the host knows of it is no longer true. */
  forWriting(owner: MemoryOwner): DeviceBuffer {
    const buffer = this.toDevice(owner);
    this.#host = undefined;
    this.#written++;
    return buffer;
  }

  /** Moves the values to host memory that ops on the GPU read over the bus. */
  moveToHost(): void {
    if (this.#onHost) return;
    const from = this.toDevice("weights");
    const to = pinning(() => this.cuda.createHostBuffer(from.dtype, from.length));
    this.cuda.copy(from, to);
    this.cuda.dispose(from);
    this.#device = to;
    this.#onHost = true;
  }

  /** Bytes where the values live. */
  get bytes(): number {
    if (this.#device !== null) return this.#device.length * ELEMENT_BYTES[this.#device.dtype];
    return ArrayBuffer.isView(this.#host) ? this.#host.byteLength : 0;
  }

  free(): void {
    if (this.#device !== null) this.cuda.dispose(this.#device);
    this.#device = null;
  }

  #remember(values: tf.backend_util.BackendValues, at: number): tf.backend_util.BackendValues {
    if (values.length <= KEPT_ELEMENTS && this.#written === at) this.#host = values;
    return values;
  }
}

export const ELEMENT_BYTES: Readonly<Record<DeviceType, number>> = { f32: 4, bf16: 2, i32: 4, u8: 1 };
