/** The two ends of a model on the native backend: embedding, projections without gradients, and the loss. */
import * as tf from "@tensorflow/tfjs";
import type { OpTable } from "../../native/addon.js";
import { uninitialised } from "../backend/kernel.js";
import type { Linear, PackedBatch, Weight } from "../layers.js";
import { isRecording } from "../tape.js";
import { linearHandle, matrixHandle } from "./handles.js";
import { emptyLike, hostArray } from "./host.js";

/** See `embedding` in ops.ts. */
export function embedding(ops: OpTable, ids: Int32Array, table: Weight): tf.Tensor2D {
  const shape = table.kind === "nf4" ? table.state.shape : table.values.shape;
  const rows = uninitialised(ids.length * shape[1]!);
  ops.embedding(matrixHandle(ops, table), ids, rows);
  return tf.tensor2d(rows, [ids.length, shape[1]!]);
}

/** See `linear` in ops.ts. */
export function linear(ops: OpTable, x: tf.Tensor2D, projection: Linear): tf.Tensor2D {
  const y = uninitialised(x.shape[0] * projection.outFeatures);
  ops.linearForward(linearHandle(ops, projection), hostArray(x), y, { training: false, seed: 0 });
  return tf.tensor2d(y, [x.shape[0], projection.outFeatures]);
}

/** See `linearCrossEntropy` in ops.ts. The gradient is made on the way forward when a tape will ask for it. */
export function linearCrossEntropy(
  ops: OpTable,
  hidden: tf.Tensor2D,
  head: Weight,
  batch: PackedBatch,
  numItems: number,
): tf.Scalar {
  const recording = isRecording();
  const op = tf.customGrad((input, save) => {
    const rows = input as tf.Tensor2D;
    const dHidden = recording ? emptyLike(rows) : null;
    const { lossSum } = ops.linearCrossEntropy(
      matrixHandle(ops, head),
      hostArray(rows),
      batch.labels,
      batch.cuSeqlens,
      1 / numItems,
      dHidden?.array ?? null,
    );
    if (dHidden !== null) (save as tf.GradSaveFunc)([dHidden.tensor()]);
    const gradFunc = (dy: tf.Tensor, [saved]: tf.Tensor[]) => tf.mul(saved!, dy);
    return { value: tf.scalar(lossSum / numItems), gradFunc };
  });
  return op(hidden) as tf.Scalar;
}
