/** The backend "cpu-native" as layer ops see it: tensors are the typed arrays that they live in, without copying. */
import * as tf from "@tensorflow/tfjs";
import type { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { fail } from "../../errors.js";
import { type HostBuffers, loadAddon, type OpTable } from "../../native/addon.js";
import { CPU_NATIVE } from "../backend/cpuNative.js";
import { uninitialised } from "../backend/hostCall.js";
import type { Surface } from "./surface.js";

/** The addon's op table when "cpu-native" is the active backend, else null. */
export function nativeOps(): OpTable<HostBuffers> | null {
  return tf.getBackend() === CPU_NATIVE ? (loadAddon().addon?.cpu ?? null) : null;
}

/** The memory of a float32 tensor. Going by the storage brings tensors over that were made on another backend. */
function hostArray(tensor: tf.Tensor): Float32Array {
  const { values } = (tf.backend() as MathBackendCPU).data.get(tensor.dataId);
  if (!(values instanceof Float32Array))
    fail(`A tensor of ${tensor.dtype} was given where float32 values are computed.`);
  return values;
}

export function hostSurface(ops: OpTable<HostBuffers>): Surface<HostBuffers> {
  return {
    ops,
    buffer: hostArray,
    inPlace: hostArray,
    matching: hostArray,
    quantState: (state) => state,
    output([rows, columns]) {
      const buffer = uninitialised(rows * columns);
      return { buffer, tensor: () => tf.tensor2d(buffer, [rows, columns]) };
    },
    column: (rows) => new Float32Array(rows),
    zeros: (shape) => tf.zeros(shape),
    release: () => undefined,
    crossEntropy(head, hidden, { labels, cuSeqlens }, numItems, dHidden, lossScale) {
      const { lossSum } = ops.linearCrossEntropy(head, hidden, labels, cuSeqlens, lossScale / numItems, dHidden);
      return tf.scalar(lossSum / numItems);
    },
    scaled: (x, factor) => tf.mul(x, factor),
    cacheElementBytes: 4,
  };
}
