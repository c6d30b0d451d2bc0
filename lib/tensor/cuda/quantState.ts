/**
 * An NF4 matrix whose codes and scales are on the GPU alone. It reads as any QuantState, for saving or another backend: its
 * arrays are downloaded when they are asked for.
 */
import type { CudaTable, DeviceBuffer, DeviceBuffers, NativeQuantState } from "../../native/addon.js";
import { SIGNED_DYNAMIC_MAP } from "../../quant/dynamicMap.js";
import { NF4_CODE } from "../../quant/nf4.js";
import type { QuantState } from "../../quant/quantState.js";
import { downloadWhole } from "./pieces.js";
import { withBuffers } from "./scope.js";

const BLOCK_SIZE = 64;
const NESTED_BLOCK_SIZE = 256;

/** What grows with the matrix; the rest of a state is numbers and small tables. */
type LargeArray = "packed" | "absmax" | "nestedAbsmax";

export class DeviceQuantState implements QuantState {
  readonly quantType = "nf4";

  constructor(
    private readonly cuda: CudaTable,
    /** What ops take. */
    readonly device: NativeQuantState<DeviceBuffers>,
    readonly dtype: QuantState["dtype"],
  ) {}

  /** A state whose large arrays are on the GPU already; they are its own from now on. */
  static over(
    cuda: CudaTable,
    { shape, blockSize, offset, nestedBlockSize, code, nestedCode, dtype }: Omit<QuantState, LargeArray>,
    arrays: Readonly<Record<LargeArray, DeviceBuffer>>,
  ): DeviceQuantState {
    const codes = { code: constant(cuda, code), nestedCode: constant(cuda, nestedCode) };
    return new DeviceQuantState(cuda, { shape, blockSize, offset, nestedBlockSize, ...arrays, ...codes }, dtype);
  }

  /** Moves a state to the GPU; the arrays of `state` are not needed any more. */
  static upload(cuda: CudaTable, state: QuantState): DeviceQuantState {
    const put = (array: Float32Array | Uint8Array) => cuda.upload(array, { owner: "weights" });
    const { packed, absmax, nestedAbsmax } = state;
    return DeviceQuantState.over(cuda, state, {
      packed: put(packed),
      absmax: put(absmax),
      nestedAbsmax: put(nestedAbsmax),
    });
  }

  /** Quantises values that are on the GPU, with double quantisation, as bitsandbytes does on CUDA. */
  static quantize(
    cuda: CudaTable,
    values: DeviceBuffer,
    shape: readonly [number, number],
    dtype: QuantState["dtype"],
  ): Promise<DeviceQuantState> {
    return withBuffers(cuda, async (buffers) => {
      const blocks = Math.ceil(values.length / BLOCK_SIZE);
      const scales = buffers.create("f32", blocks);
      const packed = buffers.create("u8", Math.ceil(values.length / 2), "weights");
      const absmax = buffers.create("u8", blocks, "weights");
      const nestedAbsmax = buffers.create("f32", Math.ceil(blocks / NESTED_BLOCK_SIZE), "weights");
      const mean = buffers.create("f32", 1);
      cuda.quantizeNf4(values, BLOCK_SIZE, "cuda", packed, scales);
      cuda.quantizeScales(scales, NESTED_BLOCK_SIZE, constant(cuda, SIGNED_DYNAMIC_MAP), absmax, nestedAbsmax, mean);
      const [offset] = (await cuda.download(mean)) as Float32Array;
      const state = {
        quantType: "nf4",
        shape,
        blockSize: BLOCK_SIZE,
        offset: offset!,
        nestedBlockSize: NESTED_BLOCK_SIZE,
        code: NF4_CODE,
        nestedCode: SIGNED_DYNAMIC_MAP,
        dtype,
      } as const;
      for (const kept of [packed, absmax, nestedAbsmax]) buffers.keep(kept);
      return DeviceQuantState.over(cuda, state, { packed, absmax, nestedAbsmax });
    });
  }

  get shape(): readonly number[] {
    return this.device.shape;
  }
  get blockSize(): number {
    return this.device.blockSize;
  }
  get offset(): number {
    return this.device.offset;
  }
  get nestedBlockSize(): number {
    return this.device.nestedBlockSize;
  }
  get packed(): Uint8Array {
    return this.#fetch(this.device.packed) as Uint8Array;
  }
  get absmax(): Float32Array | Uint8Array {
    return this.#fetch(this.device.absmax) as Float32Array | Uint8Array;
  }
  get nestedAbsmax(): Float32Array {
    return this.#fetch(this.device.nestedAbsmax) as Float32Array;
  }
  get code(): Float32Array {
    return this.#fetch(this.device.code) as Float32Array;
  }
  get nestedCode(): Float32Array {
    return this.#fetch(this.device.nestedCode) as Float32Array;
  }

  /** Bytes of codes and scales on the GPU. */
  get bytes(): number {
    const { packed, absmax, nestedAbsmax } = this.device;
    return packed.length + absmax.length * (absmax.dtype === "u8" ? 1 : 4) + 4 * nestedAbsmax.length;
  }

  /** The float32 values that the state stands for, expanded on the GPU. */
  async values(): Promise<Float32Array> {
    const expanded = this.cuda.createBuffer(
      "f32",
      this.shape.reduce((size, length) => size * length, 1),
    );
    try {
      this.cuda.dequantizeNf4(this.device, expanded);
      return await downloadWhole(this.cuda, expanded);
    } finally {
      this.cuda.dispose(expanded);
    }
  }

  dispose(): void {
    for (const buffer of [this.device.packed, this.device.absmax, this.device.nestedAbsmax]) this.cuda.dispose(buffer);
  }

  #fetch(buffer: DeviceBuffer): Float32Array | Int32Array | Uint8Array {
    return this.cuda.downloadSync(buffer);
  }
}

/** Codes that all matrices share, by table of ops. */
const constants = new WeakMap<CudaTable, Map<string, DeviceBuffer>>();

function constant(cuda: CudaTable, values: Float32Array): DeviceBuffer {
  let known = constants.get(cuda);
  if (known === undefined) {
    known = new Map();
    constants.set(cuda, known);
  }
  const key = values.join();
  let buffer = known.get(key);
  if (buffer === undefined) {
    buffer = cuda.upload(values, { owner: "weights" });
    known.set(key, buffer);
  }
  return buffer;
}

/** States of the host that ops were given, as they are on the GPU. */
const uploaded = new WeakMap<QuantState, DeviceQuantState>();

/** A state as ops of the GPU take it. */
export function onDevice(cuda: CudaTable, state: QuantState): NativeQuantState<DeviceBuffers> {
  if (state instanceof DeviceQuantState) return state.device;
  let known = uploaded.get(state);
  if (known === undefined) {
    known = DeviceQuantState.upload(cuda, state);
    uploaded.set(state, known);
  }
  return known.device;
}
