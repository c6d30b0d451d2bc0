/** Tensors of the "cpu-native" backend as the typed arrays that they live in, without copying. */
import * as tf from "@tensorflow/tfjs";
import type { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { fail } from "../../errors.js";
import { type HostBuffers, loadAddon, type OpTable } from "../../native/addon.js";
import { CPU_NATIVE } from "../backend/cpuNative.js";
import { uninitialised } from "../backend/kernel.js";

/** The addon's op table when "cpu-native" is the active backend, else null. */
export function nativeOps(): OpTable<HostBuffers> | null {
  return tf.getBackend() === CPU_NATIVE ? (loadAddon().addon?.cpu ?? null) : null;
}

/** The memory of a float32 tensor. Going by the storage brings tensors over that were made on another backend. */
export function hostArray(tensor: tf.Tensor): Float32Array {
  const { values } = (tf.backend() as MathBackendCPU).data.get(tensor.dataId);
  if (!(values instanceof Float32Array))
    fail(`A tensor of ${tensor.dtype} was given where float32 values are computed.`);
  return values;
}

/** The memory of a tensor of the same shape that an op will fill, and the tensor over it. */
export function emptyLike(x: tf.Tensor2D): { array: Float32Array; tensor: () => tf.Tensor2D } {
  const array = uninitialised(x.size);
  return { array, tensor: () => tf.tensor2d(array, x.shape) };
}
