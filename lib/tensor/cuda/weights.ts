/** Weights on their way from a checkpoint to the GPU: one tensor in host memory at a time, quantised where it arrives. */
import type * as tf from "@tensorflow/tfjs";
import type { DeviceBuffer } from "../../native/addon.js";
import type { QuantState } from "../../quant/quantState.js";
import type { CudaBackend } from "./backend.js";
import { DeviceQuantState } from "./quantState.js";

/** What activations, dense matrices and products of a model are computed in. */
export type ComputeType = "float32" | "bfloat16";

/** Values as a checkpoint holds them: bits of bfloat16, or float32. */
export type RawValues = Uint16Array | Float32Array;

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
    const dtype = values instanceof Uint16Array ? "bfloat16" : "float32";
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
    const bits = cuda.upload(values, { owner: "weights" });
    if (wanted === "bf16") return bits;
    const wide = cuda.createBuffer("f32", values.length, "weights");
    cuda.copy(bits, wide);
    cuda.dispose(bits);
    return wide;
  }
}

/** Index of the first bfloat16 that is infinite or no number, -1 if there is none. */
export function firstNonFinite(bits: Uint16Array): number {
  for (let i = 0; i < bits.length; i++) if ((bits[i]! & 0x7f80) === 0x7f80) return i;
  return -1;
}
