/** RMSNorm on the native backend, differentiable in x. */
import * as tf from "@tensorflow/tfjs";
import type { OpTable } from "../../native/addon.js";
import { emptyLike, hostArray } from "./host.js";

/** See `rmsNorm` in ops.ts. */
export function rmsNorm(ops: OpTable, x: tf.Tensor2D, weight: tf.Tensor1D, eps: number): tf.Tensor2D {
  const op = tf.customGrad((input, save) => {
    const rows = input as tf.Tensor2D;
    const y = emptyLike(rows);
    const inverse = new Float32Array(rows.shape[0]);
    ops.rmsNormForward(hostArray(rows), hostArray(weight), eps, y.array, inverse);
    (save as tf.GradSaveFunc)([rows]);
    const gradFunc = (dy: tf.Tensor, [saved]: tf.Tensor[]) => {
      const dx = emptyLike(rows);
      ops.rmsNormBackward(hostArray(saved!), hostArray(weight), inverse, hostArray(dy), dx.array);
      return dx.tensor();
    };
    return { value: y.tensor(), gradFunc };
  });
  return op(x) as tf.Tensor2D;
}
