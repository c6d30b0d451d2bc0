/** A training pass of a whole model in plain tfjs ops, one node of the tape a layer. */
import * as tf from "@tensorflow/tfjs";
import { layerSeed } from "../dropout.js";
import type { NetworkParts, PackedBatch, PassOptions } from "../layers.js";
import { linearCrossEntropy } from "./crossEntropy.js";
import { decoderLayer } from "./decoderLayer.js";
import { embedding } from "./embedding.js";
import { rmsNorm } from "./norm.js";

/** See `trainingPass` in ops.ts. */
export function trainingPass(
  { layers, table, norm, rmsNormEps, head }: NetworkParts,
  batch: PackedBatch,
  numItems: number,
  { savings, training, seed, lossScale }: PassOptions,
): tf.Scalar {
  const run = tf.valueAndGrad((embedded: tf.Tensor) => {
    let hidden = embedded as tf.Tensor2D;
    layers.forEach((layer, index) => {
      const how = { saving: savings[index]!, training, seed: layerSeed(seed, layers.length, index) };
      hidden = decoderLayer(hidden, layer, batch, how);
    });
    return linearCrossEntropy(rmsNorm(hidden, norm, rmsNormEps), head, batch, numItems, lossScale);
  });
  return run(embedding(batch.inputIds, table)).value as tf.Scalar;
}
