/** The gate of the feed-forward part, SwiGLU (Shazeer 2020): silu(gate) · up with silu(z) = z sigmoid(z). */
import * as tf from "@tensorflow/tfjs";

export function swigluForward(gate: tf.Tensor2D, up: tf.Tensor2D): tf.Tensor2D {
  return tf.mul(tf.mul(gate, tf.sigmoid(gate)), up);
}

export function swigluBackward(
  dy: tf.Tensor2D,
  gate: tf.Tensor2D,
  up: tf.Tensor2D,
): { dGate: tf.Tensor2D; dUp: tf.Tensor2D } {
  const sigmoid = tf.sigmoid(gate);
  const silu = tf.mul(gate, sigmoid);
  // silu'(z) = s + z s (1 - s)
  const slope = tf.add(sigmoid, tf.mul(silu, tf.sub(1, sigmoid)));
  return { dGate: tf.mul(tf.mul(dy, up), slope), dUp: tf.mul(dy, silu) };
}
