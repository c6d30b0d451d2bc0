/** The arithmetic of the optimizers: the addon's when its backend is active, and the same in TypeScript. */
import * as tf from "@tensorflow/tfjs";
import { loadAddon, type OpTable } from "../../native/addon.js";
import { dequantizeBlockwise, quantizeBlockwise } from "../../quant/blockwise8.js";
import { updateMoments, updateMomentsLerp, updateValues, updateValuesFused } from "./adamMath.js";

/** Values that share one scale of 8-bit states. */
export const BLOCK_SIZE = 256;

/** All buffers are changed in place; gradients are only read. */
export type OptimizerKernels = Pick<OpTable, "adamw32" | "adamw8bit" | "gradNorm">;

/** The addon's kernels with the cpu-native backend, otherwise the reference. */
export function optimizerKernels(): OptimizerKernels {
  return (tf.getBackend() === "cpu-native" && loadAddon().addon?.cpu) || referenceKernels;
}

export const referenceKernels: OptimizerKernels = {
  adamw32(tensors, step) {
    for (const { value, gradient, m, v } of tensors) {
      updateMomentsLerp(gradient, m, v, step);
      updateValues(value, m, v, step);
    }
  },

  adamw8bit(tensors, signedMap, unsignedMap, step) {
    for (const { value, gradient, state1, state2, absmax1, absmax2 } of tensors) {
      if (state1 instanceof Float32Array || state2 instanceof Float32Array) {
        const [m, v] = [state1 as Float32Array, state2 as Float32Array];
        updateMoments(gradient, m, v, step);
        updateValuesFused(value, m, v, step);
        continue;
      }
      const m = dequantizeBlockwise(state1, absmax1, signedMap, BLOCK_SIZE);
      const v = dequantizeBlockwise(state2, absmax2, unsignedMap, BLOCK_SIZE);
      updateMoments(gradient, m, v, step);
      updateValues(value, m, v, step);
      const first = quantizeBlockwise(m, signedMap, BLOCK_SIZE);
      const second = quantizeBlockwise(v, unsignedMap, BLOCK_SIZE);
      state1.set(first.quantized);
      state2.set(second.quantized);
      absmax1.set(first.absmax);
      absmax2.set(second.absmax);
    }
  },

  gradNorm(gradients) {
    let squares = 0;
    for (const gradient of gradients) for (const value of gradient) squares += value * value;
    return Math.sqrt(squares);
  },
};
