/** Weights on their way from a checkpoint to the GPU: a piece in host memory at a time, quantised where they arrive. */
import type * as tf from "@tensorflow/tfjs";
import type { DeviceBuffer } from "../../native/addon.js";
import type { QuantState } from "../../quant/quantState.js";
import type { CudaBackend } from "./backend.js";
import { DeviceQuantState } from "./quantState.js";

/** What activations, dense matrices and products of a model are computed in. */
export type ComputeType = "float32" | "bfloat16";

/** Values as a checkpoint holds them: `length` of bfloat16 as bits, in pieces that are good until the next; or float32. */
export type RawValues = { readonly length: number; readonly pieces: Iterable<Uint16Array> } | Float32Array;

export class DeviceWeights {
  constructor(
    private readonly backend: CudaBackend,
    private readonly computeType: ComputeType,
  ) {}

  /** A dense matrix in the compute type: activations take the type of the embedding table. */
  matrix(values: RawValues, shape: readonly [number, number]): tf.Tensor2D {
    return this.backend.tensor<tf.Tensor2D>(this.upload(values, this.computeType), shape);
  }

  /** A norm or a bias: float32 whatever is computed in. */
  vector(values: RawValues): tf.Tensor1D {
    return this.backend.tensor<tf.Tensor1D>(this.upload(values, "float32"), [values.length]);
  }

  /** NF4 with double quantisation, bit for bit bitsandbytes' on CUDA. */
  quantize(values: RawValues, shape: readonly [number, number]): QuantState {
    const { cuda } = this.backend;
    const dtype = values instanceof Float32Array ? "float32" : "bfloat16";
    const buffer = this.upload(values, dtype);
    try {
      return DeviceQuantState.quantize(cuda, buffer, shape, dtype);
    } finally {
      cuda.dispose(buffer);
    }
  }

  /** A matrix that came quantised. */
  quantState(state: QuantState): QuantState {
    return DeviceQuantState.upload(this.backend.cuda, state);
  }

  private upload(values: RawValues, type: ComputeType): DeviceBuffer {
    const { cuda } = this.backend;
    const wanted = type === "bfloat16" ? "bf16" : "f32";
    if (values instanceof Float32Array) return cuda.upload(values, { dtype: wanted, owner: "weights" });
    const bits = cuda.createBuffer("bf16", values.length, "weights");
    let at = 0;
    for (const piece of values.pieces) {
      cuda.write(bits, piece, at);
      at += piece.length;
    }
    if (wanted === "bf16") return bits;
    const wide = cuda.createBuffer("f32", values.length, "weights");
    cuda.copy(bits, wide);
    cuda.dispose(bits);
    return wide;
  }
}

/** Index of the first bfloat16 that is infinite or no number, -1 if there is none. Starts at a multiple of 4 bytes. */
export function firstNonFinite(bits: Uint16Array): number {
  // Two at a time, for a large model has billions.
  const pairs = new Int32Array(bits.buffer, bits.byteOffset, bits.length >> 1);
  let first = 2 * pairs.length;
  for (let i = 0; i < pairs.length; i++) {
    const pair = pairs[i]!;
    if ((pair & 0x7f80) !== 0x7f80 && (pair & 0x7f800000) !== 0x7f800000) continue;
    first = 2 * i;
    break;
  }
  for (let i = first; i < bits.length; i++) if ((bits[i]! & 0x7f80) === 0x7f80) return i;
  return -1;
}
