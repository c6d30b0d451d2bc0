/**
 * Weights on their way from a checkpoint to the GPU: the addon's threads read files into its memory, where they are searched
 * for damage, converted and quantised. JavaScript waits neither for the GPU nor for a disk.
 */
import type * as tf from "@tensorflow/tfjs";
import type { Checkpoint } from "../../formats/checkpoint.js";
import { elementCount, type SafetensorsDtype } from "../../formats/tensorEntry.js";
import type { DeviceBuffer, DeviceType, MemoryOwner, NativeFileReader } from "../../native/addon.js";
import { findNf4 } from "../../quant/checkpoint.js";
import type { QuantState } from "../../quant/quantState.js";
import { refuseNonFinite, requireFinite } from "../finite.js";
import { readTensor } from "../readTensor.js";
import type { CudaBackend } from "./backend.js";
import { DeviceQuantState } from "./quantState.js";
import { type BufferScope, withBuffers } from "./scope.js";

/** What activations, dense matrices and products of a model are computed in. */
export type ComputeType = "float32" | "bfloat16" | "float16";

const COMPUTED_TYPES = { float32: "f32", bfloat16: "bf16", float16: "f16" } as const satisfies Record<
  ComputeType,
  DeviceType
>;

/** What the GPU takes as checkpoints store it; other floating-point types become float32 on the host. */
const STORED_TYPES: Partial<Record<SafetensorsDtype, DeviceType>> = { BF16: "bf16", F16: "f16", F32: "f32" };

export class DeviceWeights {
  /** Three of the largest projections of a 14B model in 16 bits: one is read, one copied, one quantised. */
  readonly window = 512 << 20;
  readonly #reader: NativeFileReader;

  constructor(
    private readonly backend: CudaBackend,
    private readonly checkpoint: Checkpoint,
    readonly computeType: ComputeType,
  ) {
    this.#reader = backend.cuda.createFileReader();
  }

  /** A dense matrix in the compute type: activations take the type of the embedding table. */
  async matrix(name: string, shape: readonly [number, number]): Promise<tf.Tensor2D> {
    const buffer = await this.#dense(name, COMPUTED_TYPES[this.computeType]);
    return this.backend.tensor<tf.Tensor2D>(buffer, shape);
  }

  /** A norm or a bias: float32 whatever is computed in. */
  async vector(name: string): Promise<tf.Tensor1D> {
    const buffer = await this.#dense(name, "f32");
    return this.backend.tensor<tf.Tensor1D>(buffer, [buffer.length]);
  }

  /** NF4 with double quantisation, bit for bit bitsandbytes' on CUDA. */
  quantize(name: string, shape: readonly [number, number]): Promise<QuantState> {
    const { cuda } = this.backend;
    return withBuffers(cuda, async (buffers) => {
      const values = await this.#values(name, buffers, "workspace");
      const dtype = values.dtype === "bf16" ? "bfloat16" : values.dtype === "f16" ? "float16" : "float32";
      return DeviceQuantState.quantize(cuda, values, shape, dtype);
    });
  }

  /** A matrix that came quantised. */
  nf4(name: string): Promise<QuantState> {
    const { cuda } = this.backend;
    return withBuffers(cuda, async (buffers) => {
      const { state, nestedAbsmax, ...stored } = findNf4(this.checkpoint, name);
      const arrays = {
        packed: await this.#read(stored.packed, "u8", buffers, "weights"),
        absmax: await this.#scales(stored.absmax, nestedAbsmax === null ? "f32" : "u8", buffers),
        nestedAbsmax:
          nestedAbsmax === null
            ? buffers.create("f32", 0, "weights")
            : await this.#scales(nestedAbsmax, "f32", buffers),
      };
      for (const kept of Object.values(arrays)) buffers.keep(kept);
      return DeviceQuantState.over(cuda, state, arrays);
    });
  }

  /** Reads that are not done yet fail. */
  close(): void {
    this.backend.cuda.dispose(this.#reader);
  }

  #dense(name: string, type: DeviceType): Promise<DeviceBuffer> {
    const { cuda } = this.backend;
    return withBuffers(cuda, async (buffers) => {
      const asStored = STORED_TYPES[this.checkpoint.info(name).dtype] === type;
      const values = await this.#values(name, buffers, asStored ? "weights" : "workspace");
      if (asStored) return buffers.keep(values);
      const converted = buffers.create(type, values.length, "weights");
      cuda.copy(values, converted);
      return buffers.keep(converted);
    });
  }

  /** The values in the type that they are stored in, proven finite. */
  async #values(name: string, buffers: BufferScope, owner: MemoryOwner): Promise<DeviceBuffer> {
    const { cuda } = this.backend;
    const type = STORED_TYPES[this.checkpoint.info(name).dtype];
    if (type === undefined) {
      const values = this.checkpoint.readFloat32(name);
      requireFinite(name, values);
      return buffers.add(cuda.upload(values, { owner }));
    }
    const values = await this.#read(name, type, buffers, owner);
    const found = buffers.create("i32", 2);
    cuda.firstNonFinite(values, found);
    const { buffer } = (await cuda.download(found)) as Int32Array;
    const [bits, element] = new Uint32Array(buffer);
    if (element !== 0xffffffff) refuseNonFinite(name, new Float32Array(Uint32Array.of(bits!).buffer)[0]!, element!);
    return values;
  }

  /** Scales of a quantised matrix, or their codes. */
  async #scales(name: string, type: "f32" | "u8", buffers: BufferScope): Promise<DeviceBuffer> {
    if (type === "u8" || this.checkpoint.info(name).dtype === "F32") return this.#read(name, type, buffers, "weights");
    return buffers.add(this.backend.cuda.upload(this.checkpoint.readFloat32(name), { owner: "weights" }));
  }

  async #read(name: string, type: DeviceType, buffers: BufferScope, owner: MemoryOwner): Promise<DeviceBuffer> {
    const { cuda } = this.backend;
    const range = this.checkpoint.locate(name);
    // Codes are bytes, whatever dtype the checkpoint gives them.
    const length = type === "u8" ? range.length : elementCount(this.checkpoint.info(name).shape);
    const buffer = buffers.create(type, length, owner);
    await readTensor(cuda, this.#reader, name, range, buffer);
    return buffer;
  }
}
