/**
 * A decoder layer written straight down in tfjs ops, one sequence at a time, differentiated by tfjs itself: what the
 * layer ops are compared to. Dropout is left out.
 */
import * as tf from "@tensorflow/tfjs";
import { dequantizeNf4 } from "../../../lib/quant/nf4.js";
import type { DecoderLayer, LayerGeometry, Linear, Weight } from "../../../lib/tensor/layers.js";

export function dense(weight: Weight): tf.Tensor2D {
  if (weight.kind === "dense") return weight.values;
  return tf.tensor2d(dequantizeNf4(weight.state), weight.state.shape as [number, number]);
}

function project(x: tf.Tensor2D, { weight, bias, lora }: Linear): tf.Tensor2D {
  let y = tf.matMul(x, dense(weight), false, true);
  if (bias !== null) y = tf.add(y, bias);
  if (lora === null) return y as tf.Tensor2D;
  const low = tf.matMul(x, lora.a.value as tf.Tensor, false, true);
  return tf.add(y, tf.mul(tf.matMul(low, lora.b.value as tf.Tensor, false, true), lora.scaling));
}

function norm(x: tf.Tensor2D, weight: tf.Tensor1D, eps: number): tf.Tensor2D {
  return tf.mul(tf.div(x, tf.sqrt(tf.add(tf.mean(tf.square(x), -1, true), eps))), weight);
}

/** [heads, tokens, headDim], turned by position. */
function heads(x: tf.Tensor2D, { headDim, ropeTheta }: LayerGeometry, rope: boolean): tf.Tensor3D {
  const [tokens, width] = x.shape;
  const split = tf.transpose(tf.reshape(x, [tokens, width / headDim, headDim]), [1, 0, 2]) as tf.Tensor3D;
  if (!rope) return split;
  const half = headDim / 2;
  const frequency = tf.pow(ropeTheta, tf.div(tf.range(0, half), -half));
  const angle = tf.mul(tf.reshape(tf.range(0, tokens), [tokens, 1]), tf.reshape(frequency, [1, half]));
  const [cos, sin] = [tf.cos(angle), tf.sin(angle)];
  const [a, b] = tf.split(split, 2, -1) as [tf.Tensor, tf.Tensor];
  return tf.concat([tf.sub(tf.mul(a, cos), tf.mul(b, sin)), tf.add(tf.mul(b, cos), tf.mul(a, sin))], -1) as tf.Tensor3D;
}

function attention(q: tf.Tensor3D, k: tf.Tensor3D, v: tf.Tensor3D): tf.Tensor2D {
  const [count, tokens, headDim] = q.shape;
  const spread = (x: tf.Tensor3D) => {
    const [kvHeads] = x.shape;
    const copies = tf.tile(tf.expandDims(x, 1), [1, count / kvHeads, 1, 1]);
    return tf.reshape(copies, [count, tokens, headDim]);
  };
  const scores = tf.div(tf.matMul(q, spread(k), false, true), Math.sqrt(headDim));
  const rows = tf.reshape(tf.range(0, tokens), [tokens, 1]);
  const seen = tf.cast(tf.lessEqual(tf.range(0, tokens), rows), "float32");
  const masked = tf.add(scores, tf.mul(tf.sub(1, seen), -1e9));
  const out = tf.matMul(tf.softmax(masked), spread(v)) as tf.Tensor3D;
  return tf.reshape(tf.transpose(out, [1, 0, 2]), [tokens, count * headDim]);
}

/** The layer on one sequence, [tokens, hiddenSize], positions from 0. */
export function plainLayer(x: tf.Tensor2D, layer: DecoderLayer): tf.Tensor2D {
  const { geometry, projections: p } = layer;
  const normed = norm(x, layer.inputNorm, geometry.rmsNormEps);
  const q = heads(project(normed, p.q_proj), geometry, true);
  const k = heads(project(normed, p.k_proj), geometry, true);
  const v = heads(project(normed, p.v_proj), geometry, false);
  const middle = tf.add(x, project(attention(q, k, v), p.o_proj)) as tf.Tensor2D;
  const normedMiddle = norm(middle, layer.postAttentionNorm, geometry.rmsNormEps);
  const gate = project(normedMiddle, p.gate_proj);
  const gated = tf.mul(tf.mul(gate, tf.sigmoid(gate)), project(normedMiddle, p.up_proj)) as tf.Tensor2D;
  return tf.add(middle, project(gated, p.down_proj));
}
