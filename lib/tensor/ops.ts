/** The operations that models are made of, on whichever backend is active. */
import * as tf from "@tensorflow/tfjs";
import { fail } from "../errors.js";
import type { DecoderTexts } from "../native/addon.js";
import { checkCached, checkHidden, checkIds, checkLabels, checkPacked } from "./checks.js";
import { activeCuda } from "./cuda/backend.js";
import { DeviceDecoder } from "./cuda/decoder.js";
import type {
  DecoderLayer,
  KvCache,
  LayerGeometry,
  Linear,
  NetworkParts,
  PackedBatch,
  PackedSequences,
  PassOptions,
  Weight,
} from "./layers.js";
import { countCache } from "./memory.js";
import { activeSurface } from "./native/active.js";
import * as nativeLayer from "./native/decoderLayer.js";
import * as nativeHead from "./native/head.js";
import * as nativeCache from "./native/kvCache.js";
import * as nativeNorm from "./native/norm.js";
import * as nativePass from "./native/trainingPass.js";
import * as crossEntropy from "./portable/crossEntropy.js";
import * as layerOp from "./portable/decoderLayer.js";
import * as table from "./portable/embedding.js";
import * as cached from "./portable/kvCache.js";
import { linearForward } from "./portable/linear.js";
import * as norm from "./portable/norm.js";
import * as pass from "./portable/trainingPass.js";

/**
 * One pre-norm decoder layer: RMSNorm, q/k/v, RoPE, causal grouped-query attention inside each packed sequence, output
 * projection, residual; RMSNorm, SwiGLU, residual.
 *
 * One node of the tape, differentiable in `x`. Its backward adds the gradients of the LoRA pairs to
 * `layer.projections.*.lora.{a,b}.grad`, so `x` must be connected to what is differentiated: take `tf.grads` with
 * respect to the embedded tokens, not to the parameters.
 *
 * @param x [tokens, hiddenSize], float32
 * @param options.saving what is kept for backward beside `x`, see `Saving`
 * @param options.training whether LoRA dropout is active
 * @param options.seed of the dropout masks; give every layer and step its own
 * @returns [tokens, hiddenSize]
 */
export function decoderLayer(
  x: tf.Tensor2D,
  layer: DecoderLayer,
  batch: PackedSequences,
  options: layerOp.DecoderLayerOptions,
): tf.Tensor2D {
  checkHidden(x, layer.geometry);
  checkPacked(x, batch);
  const native = activeSurface();
  return native === null
    ? layerOp.decoderLayer(x, layer, batch, options)
    : nativeLayer.decoderLayer(native, x, layer, batch, options);
}

/**
 * Rows of an embedding table.
 *
 * @param ids token ids, each below the number of rows
 * @param tableOrWeight [vocabSize, hiddenSize]
 * @returns [ids.length, hiddenSize]
 */
export function embedding(ids: Int32Array, tableOrWeight: tf.Tensor2D | Weight): tf.Tensor2D {
  checkIds(ids, weightShape(tableOrWeight)[0]);
  const weight: Weight = "kind" in tableOrWeight ? tableOrWeight : { kind: "dense", values: tableOrWeight };
  const native = activeSurface();
  return native === null ? table.embedding(ids, weight) : nativeHead.embedding(native, ids, weight);
}

function weightShape(weight: tf.Tensor2D | Weight): [number, number] {
  if (!("kind" in weight)) return weight.shape;
  return weight.kind === "dense" ? weight.values.shape : (weight.state.shape as [number, number]);
}

/**
 * Root-mean-square normalisation over the last axis, differentiable in `x`: x / sqrt(mean(x²) + eps) · weight.
 *
 * @param x [tokens, hiddenSize]
 * @param weight [hiddenSize]
 */
export function rmsNorm(x: tf.Tensor2D, weight: tf.Tensor1D, eps: number): tf.Tensor2D {
  if (x.shape[1] !== weight.shape[0]) {
    fail(`x has ${x.shape[1]} columns, but the norm's weight has ${weight.shape[0]} elements.`);
  }
  const native = activeSurface();
  return native === null ? norm.rmsNorm(x, weight, eps) : nativeNorm.rmsNorm(native, x, weight, eps);
}

/**
 * Cross-entropy of the next token, summed and divided by `numItems`, straight from hidden states: logits exist for a
 * few rows at a time only. Labels are shifted inside each sequence here, -100 is left out. Differentiable in `hidden`.
 *
 * @param hidden [tokens, hiddenSize], after the last norm
 * @param head [vocabSize, hiddenSize]
 * @param numItems what the sum is divided by: the predicted tokens of the whole optimizer step
 * @returns a scalar
 */
export function linearCrossEntropy(hidden: tf.Tensor2D, head: Weight, batch: PackedBatch, numItems: number): tf.Scalar {
  checkPacked(hidden, batch);
  checkLabels(hidden, batch.labels, weightShape(head)[0]);
  const native = activeSurface();
  return native === null
    ? crossEntropy.linearCrossEntropy(hidden, head, batch, numItems)
    : nativeHead.linearCrossEntropy(native, hidden, head, batch, numItems);
}

/**
 * One pass of a whole model, forward and back: adds the gradients of the LoRA pairs to their parameters. Memory is held
 * as `options` say, and none of it after the pass, whether it ends well or not.
 *
 * @param numItems what the sum of the cross entropies is divided by: the predicted tokens of the whole optimizer step
 * @returns a scalar, the loss
 */
export function trainingPass(
  network: NetworkParts,
  batch: PackedBatch,
  numItems: number,
  options: PassOptions,
): tf.Scalar {
  const rows = { shape: [batch.inputIds.length, 0] as [number, number] };
  checkIds(batch.inputIds, weightShape(network.table)[0]);
  checkPacked(rows, batch);
  checkLabels(rows, batch.labels, weightShape(network.head)[0]);
  const native = activeSurface();
  return tf.tidy(() =>
    native === null
      ? pass.trainingPass(network, batch, numItems, options)
      : nativePass.trainingPass(native, network, batch, numItems, options),
  );
}

/**
 * A projection with bias and LoRA, without gradients: the logits in generation.
 *
 * @param x [tokens, inFeatures]
 * @returns [tokens, outFeatures]
 */
export function linear(x: tf.Tensor2D, projection: Linear): tf.Tensor2D {
  if (x.shape[1] !== projection.inFeatures) {
    fail(`x has ${x.shape[1]} columns, but the projection takes ${projection.inFeatures} features.`);
  }
  const native = activeSurface();
  return native === null ? tf.tidy(() => linearForward(x, projection, null)) : nativeHead.linear(native, x, projection);
}

/**
 * An empty cache of keys and values.
 *
 * @param layers decoder layers that will use it
 * @param sequences rows of the generation batch
 * @param capacity tokens that fit, per sequence
 */
export function createKvCache(layers: number, geometry: LayerGeometry, sequences: number, capacity: number): KvCache {
  const native = activeSurface();
  return countCache(
    native === null
      ? new cached.PortableKvCache(layers, geometry, sequences, capacity)
      : new nativeCache.NativeKvCache(native, layers, geometry, sequences, capacity),
  );
}

/**
 * A decoder layer on the new tokens of each sequence (no gradients): appends their keys and values to the cache, then
 * attends causally to all that the cache holds. Sequence i of the batch is sequence i of the cache; one without new
 * rows is left alone. Call `advance` once after the last layer.
 *
 * @param x [new tokens, hiddenSize]
 * @param batch offsets of the new rows; positions count from the start of each whole sequence
 */
export function decoderLayerCached(
  x: tf.Tensor2D,
  layer: DecoderLayer,
  layerIndex: number,
  batch: PackedSequences,
  cache: KvCache,
): tf.Tensor2D {
  checkHidden(x, layer.geometry);
  checkPacked(x, batch);
  checkCached(batch, cache);
  return cache instanceof nativeCache.NativeKvCache
    ? nativeCache.decoderLayerCached(x, layer, layerIndex, batch, cache)
    : cached.decoderLayerCached(x, layer, layerIndex, batch, cache as cached.PortableKvCache);
}

/**
 * Goes on with texts whose prompts a cache holds, wholly on the backend: JavaScript reads the tokens that it chooses. Null
 * where the backend cannot.
 *
 * @param logits [texts, vocabSize], those that follow the prompts; used up
 */
export function createDecoder(
  model: NetworkParts,
  cache: KvCache,
  texts: DecoderTexts,
  logits: tf.Tensor2D,
): DeviceDecoder | null {
  const backend = activeCuda();
  if (backend === null || !(cache instanceof nativeCache.NativeKvCache)) return null;
  return DeviceDecoder.create(backend, model, cache, texts, logits);
}

/**
 * Records that all layers have appended their rows.
 *
 * @param newLengths tokens that each sequence holds now
 */
export function advance(cache: KvCache, newLengths: ArrayLike<number>): void {
  cache.lengths.set(newLengths);
}
