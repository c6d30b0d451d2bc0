/**
 * A training pass of a whole model on a native backend. It does without the tape, which would keep every layer's input and
 * every gradient to the end: what the pass holds is freed as soon as nothing needs it.
 */
import type * as tf from "@tensorflow/tfjs";
import type { NativeLayerState } from "../../native/addon.js";
import { layerSeed } from "../dropout.js";
import type { NetworkParts, PackedBatch, PassOptions } from "../layers.js";
import { gradientBuffers } from "./decoderLayer.js";
import { layerHandle, matrixHandle } from "./handles.js";
import { embeddingRows } from "./head.js";
import { inputsInPlace } from "./layerInputs.js";
import { PassBuffers } from "./passBuffers.js";
import type { Surface } from "./surface.js";

/** See `trainingPass` in ops.ts. */
export function trainingPass(
  surface: Surface,
  network: NetworkParts,
  batch: PackedBatch,
  numItems: number,
  options: PassOptions,
): tf.Scalar {
  const { ops } = surface;
  const { layers, norm, rmsNormEps, head } = network;
  const tokens = batch.inputIds.length;
  const shape = [tokens, norm.shape[0]] as const;
  const buffers = new PassBuffers(surface);
  const states: NativeLayerState[] = [];
  const inputs =
    (options.inputs === "host" && surface.inputsOnHost?.(layers.length, tokens, options.maxTokens, buffers)) ||
    inputsInPlace();
  try {
    let hidden = buffers.hold(embeddingRows(surface, batch.inputIds, network.table).buffer);
    layers.forEach((layer, index) => {
      const y = buffers.like(hidden, shape);
      inputs.enter(index, hidden);
      const how = {
        saving: options.savings[index]!,
        training: options.training,
        seed: layerSeed(options.seed, layers.length, index),
      };
      states[index] = ops.decoderLayerForward(layerHandle(surface, layer), hidden, y, batch, how);
      inputs.leave(index);
      hidden = y;
    });

    const scale = surface.buffer(norm, "weights");
    const inverse = buffers.hold(surface.column(tokens));
    const normed = buffers.like(hidden, shape);
    const dNormed = buffers.like(hidden, shape);
    ops.rmsNormForward(hidden, scale, rmsNormEps, normed, inverse);
    const loss = surface.crossEntropy(matrixHandle(surface, head), normed, batch, numItems, dNormed, options.lossScale);
    // The gradient takes the place of what it is the gradient of, here and in every layer.
    const gradient = normed;
    ops.rmsNormBackward(hidden, scale, inverse, dNormed, gradient);
    for (const used of [inverse, dNormed, hidden]) buffers.free(used);

    for (let index = layers.length - 1; index >= 0; index--) {
      const layer = layers[index]!;
      const x = inputs.recall(index);
      const dx = index === 0 ? null : gradient;
      const sums = gradientBuffers(surface, layer);
      ops.decoderLayerBackward(layerHandle(surface, layer), states[index]!, x, gradient, dx, batch, sums);
      ops.dispose(states.pop()!);
      buffers.free(x);
    }
    return loss;
  } finally {
    for (const state of states) ops.dispose(state);
    inputs.close();
    buffers.freeAll();
  }
}
