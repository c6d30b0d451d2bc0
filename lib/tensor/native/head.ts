/** The two ends of a model on a native backend: embedding, projections without gradients, and the loss. */
import * as tf from "@tensorflow/tfjs";
import type { Buffers } from "../../native/addon.js";
import type { Linear, PackedBatch, Weight } from "../layers.js";
import { isRecording } from "../tape.js";
import { linearHandle, matrixHandle } from "./handles.js";
import type { Output, Surface } from "./surface.js";

/** Rows of a table in memory of their own, in the element type of a dense table. */
export function embeddingRows(surface: Surface, ids: Int32Array, table: Weight): Output<Buffers> {
  const [, width] = (table.kind === "nf4" ? table.state.shape : table.values.shape) as [number, number];
  const shape = [ids.length, width] as const;
  const rows =
    table.kind === "nf4" ? surface.output(shape) : surface.output(shape, surface.buffer(table.values, "weights"));
  surface.ops.embedding(matrixHandle(surface, table), ids, rows.buffer);
  return rows;
}

/** See `embedding` in ops.ts. */
export function embedding(surface: Surface, ids: Int32Array, table: Weight): tf.Tensor2D {
  return embeddingRows(surface, ids, table).tensor();
}

/** See `linear` in ops.ts. */
export function linear(surface: Surface, x: tf.Tensor2D, projection: Linear): tf.Tensor2D {
  const y = surface.output([x.shape[0], projection.outFeatures]);
  const handle = linearHandle(surface, projection);
  surface.ops.linearForward(handle, surface.buffer(x), y.buffer, { training: false, seed: 0 });
  return y.tensor();
}

/** See `linearCrossEntropy` in ops.ts. The gradient is made on the way forward when a tape will ask for it. */
export function linearCrossEntropy(
  surface: Surface,
  hidden: tf.Tensor2D,
  head: Weight,
  batch: PackedBatch,
  numItems: number,
): tf.Scalar {
  const recording = isRecording();
  const op = tf.customGrad((input, save) => {
    const rows = input as tf.Tensor2D;
    const from = surface.buffer(rows);
    const dHidden = recording ? surface.output(rows.shape, from) : null;
    const handle = matrixHandle(surface, head);
    const value = surface.crossEntropy(handle, from, batch, numItems, dHidden?.buffer ?? null, 1);
    if (dHidden !== null) (save as tf.GradSaveFunc)([dHidden.tensor()]);
    const gradFunc = (dy: tf.Tensor, [saved]: tf.Tensor[]) => surface.scaled(saved!, dy);
    return { value, gradFunc };
  });
  return op(hidden) as tf.Scalar;
}
