/**
 * The language-model head and its loss in one op, a few rows at a time: logits of all tokens never exist together.
 * The gradient is made on the way forward, when the probabilities of a chunk are at hand.
 */
import * as tf from "@tensorflow/tfjs";
import type { PackedBatch, Weight } from "../layers.js";
import { isRecording } from "../tape.js";
import { type Matrix, matrix } from "./weights.js";

/** Logits held at a time. */
const CHUNK_ELEMENTS = 2 ** 21;

/** The rows that have a next token to predict in their sequence, and that token. */
export function shiftedTargets({ cuSeqlens, labels }: PackedBatch): { rows: Int32Array; targets: Int32Array } {
  const rows: number[] = [];
  for (let s = 0; s + 1 < cuSeqlens.length; s++) {
    for (let t = cuSeqlens[s]!; t + 1 < cuSeqlens[s + 1]!; t++) if (labels[t + 1]! >= 0) rows.push(t);
  }
  return { rows: Int32Array.from(rows), targets: Int32Array.from(rows, (row) => labels[row + 1]!) };
}

/** What a chunk, or the whole batch, comes to. `dHidden` is there only where a backward pass will ask for it. */
interface Loss {
  [name: string]: tf.Tensor;
  loss: tf.Scalar;
}

/** Loss summed over the chunk's rows, and (probabilities - one-hot targets) · head. */
function chunkLoss(hidden: tf.Tensor2D, targets: tf.Tensor1D, head: Matrix, withGradient: boolean): Loss {
  const logits = tf.matMul<tf.Tensor2D>(hidden, head.columns);
  const p = tf.softmax(logits);
  const targetRows = tf.gather(head.rows, targets);
  const targetLogits = tf.sum(tf.mul(hidden, targetRows), -1);
  // log sum exp = max - log(largest probability); that probability is at least 1 / vocab, so the log is safe.
  const logSumExp = tf.sub(tf.max(logits, -1), tf.log(tf.max(p, -1)));
  const loss = tf.sum(tf.sub(logSumExp, targetLogits)) as tf.Scalar;
  return withGradient ? { loss, dHidden: tf.sub(tf.matMul(p, head.rows), targetRows) } : { loss };
}

/** The rows' gradients put back in their places, zero elsewhere: gather, for wasm has no scatter with a gradient. */
function spread(dRows: tf.Tensor2D, rows: Int32Array, tokens: number): tf.Tensor2D {
  if (rows.length === tokens) return dRows;
  const places = new Int32Array(tokens).fill(rows.length);
  rows.forEach((row, i) => {
    places[row] = i;
  });
  return tf.gather(tf.concat([dRows, tf.zeros([1, dRows.shape[1]])]) as tf.Tensor2D, tf.tensor1d(places, "int32"));
}

function lossAndGradient(
  hidden: tf.Tensor2D,
  weight: Weight,
  batch: PackedBatch,
  numItems: number,
  lossScale: number,
  withGradient: boolean,
): Loss {
  const { rows, targets } = shiftedTargets(batch);
  if (rows.length === 0) return { loss: tf.scalar(0), ...(withGradient && { dHidden: tf.zerosLike(hidden) }) };
  const head = matrix(weight);
  const chunkRows = Math.max(1, Math.floor(CHUNK_ELEMENTS / head.rows.shape[0]));
  const chunks: Loss[] = [];
  for (let from = 0; from < rows.length; from += chunkRows) {
    const index = rows.subarray(from, from + chunkRows);
    const wanted = targets.subarray(from, from + chunkRows);
    const part = () => {
      const some = tf.gather(hidden, tf.tensor1d(index, "int32"));
      return chunkLoss(some, tf.tensor1d(wanted, "int32"), head, withGradient);
    };
    chunks.push(tf.tidy(part));
  }
  const loss = tf.div<tf.Scalar>(tf.addN(chunks.map((chunk) => chunk.loss)), numItems);
  if (!withGradient) return { loss };
  const dRows = tf.concat(chunks.map((chunk) => chunk.dHidden as tf.Tensor2D));
  return { loss, dHidden: tf.mul(spread(dRows, rows, hidden.shape[0]), lossScale / numItems) };
}

/** See `linearCrossEntropy` in ops.ts. */
export function linearCrossEntropy(
  hidden: tf.Tensor2D,
  head: Weight,
  batch: PackedBatch,
  numItems: number,
  lossScale = 1,
): tf.Scalar {
  if (!isRecording()) return tf.tidy(() => lossAndGradient(hidden, head, batch, numItems, lossScale, false).loss);
  const op = tf.customGrad((input, save) => {
    const { loss, dHidden } = lossAndGradient(input as tf.Tensor2D, head, batch, numItems, lossScale, true);
    (save as tf.GradSaveFunc)([dHidden!]);
    return { value: loss, gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => tf.mul(saved!, dy) };
  });
  return op(hidden) as tf.Scalar;
}
