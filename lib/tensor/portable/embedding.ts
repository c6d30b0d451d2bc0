/** Token embeddings: rows of a table that is not trained. */
import * as tf from "@tensorflow/tfjs";
import type { Weight } from "../layers.js";
import { matrix } from "./weights.js";

/** [ids.length, hiddenSize] rows of the table. */
export function embedding(ids: Int32Array, table: Weight): tf.Tensor2D {
  return tf.tidy(() => {
    const rows = table.kind === "dense" ? table.values : matrix(table).rows;
    return tf.gather(rows, tf.tensor1d(ids, "int32"));
  });
}
