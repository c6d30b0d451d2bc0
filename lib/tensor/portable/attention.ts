/**
 * Causal grouped-query attention over packed sequences, forward and backward.
 *
 * The query heads that share a key head are stacked as rows, so each (sequence, key head) pair is three plain 2-D
 * products. Probabilities are not kept: backward makes them again from q and k, and memory stays linear in tokens.
 */
import * as tf from "@tensorflow/tfjs";
import type { LayerGeometry, PackedSequences } from "../layers.js";

/** Large enough to vanish in a float32 softmax, small enough to stay finite when added to a score. */
const MASKED = -1e30;

/** [count, known + count]: new row i sees the keys up to known + i. */
function causalMask(count: number, known: number): tf.Tensor2D {
  const width = known + count;
  const values = new Float32Array(count * width);
  for (let i = 0; i < count; i++) values.fill(MASKED, i * width + known + i + 1, (i + 1) * width);
  return tf.tensor2d(values, [count, width]);
}

/** Rows from..to of [tokens, heads * headDim] as [heads, rows, headDim]. */
export function splitHeads(x: tf.Tensor2D, from: number, to: number, headDim: number): tf.Tensor3D {
  const heads = x.shape[1] / headDim;
  const rows: tf.Tensor3D = tf.reshape(tf.slice(x, [from, 0], [to - from, -1]), [to - from, heads, headDim]);
  return tf.transpose(rows, [1, 0, 2]);
}

function mergeHeads(x: tf.Tensor3D): tf.Tensor2D {
  const [heads, rows, headDim] = x.shape;
  return tf.reshape(tf.transpose(x, [1, 0, 2]), [rows, heads * headDim]);
}

/** Head h of [heads, rows, headDim], or `count` neighbouring heads stacked as rows. */
export function headRows(x: tf.Tensor3D, first: number, count = 1): tf.Tensor2D {
  const [, rows, headDim] = x.shape;
  return tf.reshape(tf.slice(x, [first, 0, 0], [count, -1, -1]), [count * rows, headDim]);
}

function probabilities(q: tf.Tensor2D, k: tf.Tensor2D, mask: tf.Tensor2D | null, headDim: number): tf.Tensor2D {
  const scores = tf.matMul<tf.Tensor2D>(tf.mul<tf.Tensor2D>(q, 1 / Math.sqrt(headDim)), tf.transpose(k));
  if (mask === null) return tf.softmax(scores);
  const [count, keys] = mask.shape;
  const masked = tf.add<tf.Tensor3D>(tf.reshape(scores, [-1, count, keys]), mask);
  return tf.reshape(tf.softmax(masked), [-1, keys]);
}

/**
 * Attention of the newest rows of one sequence.
 *
 * @param q [heads, count, headDim], already rotated
 * @param keys one [known + count, headDim] a key head, already rotated; `values` alike
 * @returns [count, heads * headDim]
 */
export function attendSequence(
  q: tf.Tensor3D,
  keys: readonly tf.Tensor2D[],
  values: readonly tf.Tensor2D[],
): tf.Tensor2D {
  const [heads, count, headDim] = q.shape;
  const group = heads / keys.length;
  const mask = count === 1 ? null : causalMask(count, keys[0]!.shape[0] - count);
  const out = keys.map((k, g) => tf.matMul(probabilities(headRows(q, g * group, group), k, mask, headDim), values[g]!));
  return mergeHeads(tf.reshape(tf.concat(out), [heads, count, headDim]));
}

function eachHead(x: tf.Tensor3D): tf.Tensor2D[] {
  return Array.from({ length: x.shape[0] }, (_, h) => headRows(x, h));
}

/** Offsets of the sequences that have rows. */
function spans(batch: PackedSequences): [number, number][] {
  const list: [number, number][] = [];
  for (let i = 0; i + 1 < batch.cuSeqlens.length; i++) {
    const [from, to] = [batch.cuSeqlens[i]!, batch.cuSeqlens[i + 1]!];
    if (to > from) list.push([from, to]);
  }
  return list;
}

/** Self-attention inside each packed sequence: q [tokens, heads * headDim], k and v [tokens, kvHeads * headDim]. */
export function attentionForward(
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  batch: PackedSequences,
  { headDim }: LayerGeometry,
): tf.Tensor2D {
  const out = spans(batch).map(([from, to]) =>
    tf.tidy(() =>
      attendSequence(
        splitHeads(q, from, to, headDim),
        eachHead(splitHeads(k, from, to, headDim)),
        eachHead(splitHeads(v, from, to, headDim)),
      ),
    ),
  );
  return out.length === 1 ? out[0]! : tf.concat(out);
}

/** Gradients of one sequence, each [rows, width]. */
function backwardSequence(
  dOut: tf.Tensor3D,
  q: tf.Tensor3D,
  k: tf.Tensor3D,
  v: tf.Tensor3D,
): [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D] {
  const [heads, count, headDim] = q.shape;
  const kvHeads = k.shape[0];
  const group = heads / kvHeads;
  const mask = causalMask(count, 0);
  const scale = 1 / Math.sqrt(headDim);
  const dq: tf.Tensor2D[] = [];
  const dk: tf.Tensor2D[] = [];
  const dv: tf.Tensor2D[] = [];
  for (let g = 0; g < kvHeads; g++) {
    const parts = tf.tidy(() => {
      const rows = headRows(q, g * group, group);
      const [key, value] = [headRows(k, g), headRows(v, g)];
      const dRows = headRows(dOut, g * group, group);
      const p = probabilities(rows, key, mask, headDim);
      const dP = tf.matMul(dRows, tf.transpose(value));
      const weighted = tf.mul(p, dP);
      const dScores = tf.mul(tf.sub(weighted, tf.mul(p, tf.sum(weighted, -1, true))), scale);
      return [tf.matMul(dScores, key), tf.matMul(tf.transpose(dScores), rows), tf.matMul(tf.transpose(p), dRows)] as [
        tf.Tensor2D,
        tf.Tensor2D,
        tf.Tensor2D,
      ];
    });
    dq.push(parts[0]);
    dk.push(parts[1]);
    dv.push(parts[2]);
  }
  const merge = (list: tf.Tensor2D[], n: number) => mergeHeads(tf.reshape(tf.concat(list), [n, count, headDim]));
  return [merge(dq, heads), merge(dk, kvHeads), merge(dv, kvHeads)];
}

/** Gradients of q, k and v from that of the output. */
export function attentionBackward(
  dOut: tf.Tensor2D,
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  batch: PackedSequences,
  { headDim }: LayerGeometry,
): { dq: tf.Tensor2D; dk: tf.Tensor2D; dv: tf.Tensor2D } {
  const parts = spans(batch).map(([from, to]) =>
    tf.tidy(() => {
      const heads = (x: tf.Tensor2D) => splitHeads(x, from, to, headDim);
      return backwardSequence(heads(dOut), heads(q), heads(k), heads(v));
    }),
  );
  const join = (index: 0 | 1 | 2) =>
    parts.length === 1 ? parts[0]![index] : tf.concat(parts.map((part) => part[index]));
  return { dq: join(0), dk: join(1), dv: join(2) };
}
