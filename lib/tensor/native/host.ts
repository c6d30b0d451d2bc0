/** Tensors of the "cpu-native" backend as the typed arrays that they live in, without copying. */
import * as tf from "@tensorflow/tfjs";
import { type HostBuffers, loadAddon, type OpTable } from "../../native/addon.js";
import { CPU_NATIVE } from "../backend/cpuNative.js";
import { uninitialised } from "../backend/kernel.js";

/** The addon's op table when "cpu-native" is the active backend, else null. */
export function nativeOps(): OpTable<HostBuffers> | null {
  return tf.getBackend() === CPU_NATIVE ? (loadAddon().addon?.cpu ?? null) : null;
}

/** The memory of a float32 tensor: this backend keeps values in typed arrays and hands out the array itself. */
export function hostArray(tensor: tf.Tensor): Float32Array {
  return tensor.dataSync() as Float32Array;
}

/** The memory of a tensor of the same shape that an op will fill, and the tensor over it. */
export function emptyLike(x: tf.Tensor2D): { array: Float32Array; tensor: () => tf.Tensor2D } {
  const array = uninitialised(x.size);
  return { array, tensor: () => tf.tensor2d(array, x.shape) };
}
