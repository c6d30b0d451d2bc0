/** RMSNorm on a native backend, differentiable in x. */
import * as tf from "@tensorflow/tfjs";
import { isRecording } from "../tape.js";
import type { Surface } from "./surface.js";

/** See `rmsNorm` in ops.ts. */
export function rmsNorm(surface: Surface, x: tf.Tensor2D, weight: tf.Tensor1D, eps: number): tf.Tensor2D {
  const { ops } = surface;
  const recording = isRecording();
  const op = tf.customGrad((input, save) => {
    const rows = input as tf.Tensor2D;
    const from = surface.buffer(rows);
    const scale = surface.buffer(weight, "weights");
    const y = surface.output(rows.shape, from);
    const inverse = surface.column(rows.shape[0]);
    ops.rmsNormForward(from, scale, eps, y.buffer, inverse);
    if (!recording) surface.release(inverse);
    (save as tf.GradSaveFunc)([rows]);
    const gradFunc = (dy: tf.Tensor, [saved]: tf.Tensor[]) => {
      const x = surface.buffer(saved!);
      const dx = surface.output(rows.shape, x);
      const out = surface.matching(dy, x);
      ops.rmsNormBackward(x, scale, inverse, out, dx.buffer);
      surface.release(inverse);
      if (out !== surface.buffer(dy)) surface.release(out);
      return dx.tensor();
    };
    return { value: y.tensor(), gradFunc };
  });
  return op(x) as tf.Tensor2D;
}
