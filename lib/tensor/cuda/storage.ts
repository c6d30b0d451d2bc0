/**
 * Where a tensor's values are on the backend "cuda": in host memory, where tfjs makes them and its forwarded kernels read
 * them, or in a buffer on the GPU, where ops leave them. They move when the other side first asks.
 */
import type * as tf from "@tensorflow/tfjs";
import type { CudaTable, DeviceBuffer, DeviceType, MemoryOwner } from "../../native/addon.js";
import { hostArray } from "../backend/hostCall.js";
import type { ElementType } from "../backend/table.js";
import { pinning } from "../outOfMemory.js";

/** Copies of up to this many elements stay on the host beside the buffer. */
const KEPT_ELEMENTS = 1 << 16;

export class Storage {
  refCount: number;
  complexTensorInfos?: { real: tf.TensorInfo; imag: tf.TensorInfo };
  #host: tf.backend_util.BackendValues | undefined;
  /**
   * By the dtype of the tensor that they serve, the one with the storage's own elements first. There are several only where
   * another backend cast a tensor without copying its values.
   */
  readonly #buffers = new Map<ElementType, DeviceBuffer>();
  /** The floats are in a buffer in host memory. */
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

  static onDevice(cuda: CudaTable, dtype: ElementType, buffer: DeviceBuffer): Storage {
    const storage = new Storage(cuda, dtype, undefined);
    storage.#buffers.set(dtype, buffer);
    return storage;
  }

  /** A buffer, when the values are on the GPU already. */
  get device(): DeviceBuffer | null {
    for (const buffer of this.#buffers.values()) return buffer;
    return null;
  }

  /** The values, when the host has them. */
  get known(): tf.backend_util.BackendValues | undefined {
    return this.#host;
  }

  /** The values on the host: waits for the GPU when they are not there. */
  get values(): tf.backend_util.BackendValues {
    const { device } = this;
    // Complex numbers have no values of their own; tfjs' type of a storage does not say so.
    if (this.#host !== undefined || device === null) return this.#host as tf.backend_util.BackendValues;
    return this.#remember(this.cuda.downloadSync(device), this.#written);
  }

  /** The same without making JavaScript wait. */
  async read(): Promise<tf.backend_util.BackendValues> {
    const { device } = this;
    if (this.#host !== undefined || device === null) return this.values;
    const at = this.#written;
    return this.#remember(await this.cuda.download(device), at);
  }

  /** The buffer on the GPU that holds the values as elements of a dtype; from then on the values live there. */
  toDevice(owner: MemoryOwner, as: ElementType): DeviceBuffer {
    const there = this.#buffers.get(as);
    if (there !== undefined) return there;
    const values = hostArray(this.values, as)!;
    const buffer = this.cuda.upload(values, { owner });
    this.#buffers.set(as, buffer);
    const own = this.#buffers.size === 1 && values === this.#host;
    if (own && values.length > KEPT_ELEMENTS) this.#host = undefined;
    return buffer;
  }

  /** The buffer of floats, about to be changed: what else is known of the values is no longer true. */
  forWriting(owner: MemoryOwner): DeviceBuffer {
    const buffer = this.toDevice(owner, "float32");
    this.#buffers.delete("float32");
    this.free();
    this.#buffers.set("float32", buffer);
    this.#host = undefined;
    this.#written++;
    return buffer;
  }

  /** Moves the values to host memory that ops on the GPU read over the bus. */
  moveToHost(): void {
    if (this.#onHost) return;
    const from = this.toDevice("weights", "float32");
    const to = pinning(() => this.cuda.createHostBuffer(from.dtype, from.length));
    this.cuda.copy(from, to);
    this.cuda.dispose(from);
    this.#buffers.set("float32", to);
    this.#onHost = true;
  }

  /** Bytes where the values live. */
  get bytes(): number {
    const { device } = this;
    if (device !== null) return device.length * ELEMENT_BYTES[device.dtype];
    return ArrayBuffer.isView(this.#host) ? this.#host.byteLength : 0;
  }

  free(): void {
    for (const buffer of this.#buffers.values()) this.cuda.dispose(buffer);
    this.#buffers.clear();
  }

  #remember(values: tf.backend_util.BackendValues, at: number): tf.backend_util.BackendValues {
    if (values.length <= KEPT_ELEMENTS && this.#written === at) this.#host = values;
    return values;
  }
}

export const ELEMENT_BYTES: Readonly<Record<DeviceType, number>> = { f32: 4, bf16: 2, f16: 2, i32: 4, u8: 1 };
