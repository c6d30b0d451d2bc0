/** Root-mean-square normalisation (Zhang and Sennrich 2019): y = x / sqrt(mean(x²) + eps) · weight, over the last axis. */
import * as tf from "@tensorflow/tfjs";

function inverseRms(x: tf.Tensor2D, eps: number): tf.Tensor2D {
  return tf.rsqrt(tf.add<tf.Tensor2D>(tf.mean(tf.square(x), -1, true), eps));
}

export function rmsNormForward(x: tf.Tensor2D, weight: tf.Tensor1D, eps: number): tf.Tensor2D {
  return tf.mul(tf.mul(x, inverseRms(x, eps)), weight);
}

/** dx = r (dy·w - n mean(dy·w·n)), with r the inverse rms and n = x r. */
export function rmsNormBackward(dy: tf.Tensor2D, x: tf.Tensor2D, weight: tf.Tensor1D, eps: number): tf.Tensor2D {
  const inverse = inverseRms(x, eps);
  const normed = tf.mul(x, inverse);
  const scaled = tf.mul(dy, weight);
  const along = tf.mean(tf.mul(scaled, normed), -1, true);
  return tf.mul(inverse, tf.sub(scaled, tf.mul(normed, along)));
}

/** RMSNorm on the tape, differentiable in x. */
export function rmsNorm(x: tf.Tensor2D, weight: tf.Tensor1D, eps: number): tf.Tensor2D {
  const op = tf.customGrad((input, save) => {
    const rows = input as tf.Tensor2D;
    (save as tf.GradSaveFunc)([rows]);
    return {
      value: rmsNormForward(rows, weight, eps),
      gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) =>
        tf.tidy(() => rmsNormBackward(dy as tf.Tensor2D, saved as tf.Tensor2D, weight, eps)),
    };
  });
  return op(x) as tf.Tensor2D;
}
