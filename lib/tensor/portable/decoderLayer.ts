/**
 * A decoder layer in plain tfjs ops, as one node of the tape with its own backward: the fallback on any backend and
 * the reference that native ones are compared to.
 */
import * as tf from "@tensorflow/tfjs";
import { type DecoderLayer, type PackedSequences, PROJECTIONS, type Projection, type Saving } from "../layers.js";
import { attentionBackward, attentionForward } from "./attention.js";
import { type DropoutDraw, linearBackward, linearForward } from "./linear.js";
import { swigluBackward, swigluForward } from "./mlp.js";
import { rmsNormBackward, rmsNormForward } from "./norm.js";
import { rotate } from "./rope.js";

export interface DecoderLayerOptions {
  readonly saving: Saving;
  /** Whether LoRA dropout is active. */
  readonly training: boolean;
  /** Seed of the dropout masks; give every layer and step its own. 0 by default. */
  readonly seed?: number;
}

/** The dropout draw of each projection: streams are their places in PROJECTIONS. */
export function projectionDraw(options: DecoderLayerOptions, name: Projection): DropoutDraw | null {
  return options.training ? { seed: options.seed ?? 0, stream: PROJECTIONS.indexOf(name) } : null;
}

/** What backward needs, in the order in which it is saved. */
type Activations = readonly [
  x: tf.Tensor2D,
  normed: tf.Tensor2D,
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  attended: tf.Tensor2D,
  middle: tf.Tensor2D,
  normedMiddle: tf.Tensor2D,
  gate: tf.Tensor2D,
  up: tf.Tensor2D,
];

function forward(
  x: tf.Tensor2D,
  layer: DecoderLayer,
  batch: PackedSequences,
  options: DecoderLayerOptions,
): { activations: Activations; activated: tf.Tensor2D } {
  const { geometry, projections } = layer;
  const { headDim, ropeTheta, rmsNormEps } = geometry;
  const project = (input: tf.Tensor2D, name: Projection) =>
    linearForward(input, projections[name], projectionDraw(options, name));
  const turn = (heads: tf.Tensor2D) => rotate(heads, batch.positions, headDim, ropeTheta);
  const normed = rmsNormForward(x, layer.inputNorm, rmsNormEps);
  const q = turn(project(normed, "q_proj"));
  const k = turn(project(normed, "k_proj"));
  const v = project(normed, "v_proj");
  const attended = attentionForward(q, k, v, batch, geometry);
  const middle = tf.add<tf.Tensor2D>(x, project(attended, "o_proj"));
  const normedMiddle = rmsNormForward(middle, layer.postAttentionNorm, rmsNormEps);
  const gate = project(normedMiddle, "gate_proj");
  const up = project(normedMiddle, "up_proj");
  return {
    activations: [x, normed, q, k, v, attended, middle, normedMiddle, gate, up],
    activated: swigluForward(gate, up),
  };
}

type Kept = [
  x: tf.Tensor2D,
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  attended: tf.Tensor2D,
  middle: tf.Tensor2D,
  gate: tf.Tensor2D,
  up: tf.Tensor2D,
];

/** What is saved. The output of SwiGLU never is: it is made again in any case. */
function saved(activations: Activations, saving: Saving): tf.Tensor2D[] {
  if (saving === "all") return [...activations];
  const [x, _normed, q, k, v, attended, middle, _normedMiddle, gate, up] = activations;
  return saving === "selected" ? [x, q, k, v, attended, middle, gate, up] : [x];
}

/** What `saved` left, completed. */
function restored(
  kept: readonly tf.Tensor2D[],
  layer: DecoderLayer,
  batch: PackedSequences,
  options: DecoderLayerOptions,
): Activations {
  if (options.saving === "all") return kept as unknown as Activations;
  if (options.saving === "none") return forward(kept[0]!, layer, batch, options).activations;
  const [x, q, k, v, attended, middle, gate, up] = kept as Kept;
  const { rmsNormEps } = layer.geometry;
  const normed = rmsNormForward(x, layer.inputNorm, rmsNormEps);
  const normedMiddle = rmsNormForward(middle, layer.postAttentionNorm, rmsNormEps);
  return [x, normed, q, k, v, attended, middle, normedMiddle, gate, up];
}

function backward(
  dy: tf.Tensor2D,
  activations: Activations,
  layer: DecoderLayer,
  batch: PackedSequences,
  options: DecoderLayerOptions,
): tf.Tensor2D {
  const [x, normed, q, k, v, attended, middle, normedMiddle, gate, up] = activations;
  const { geometry, projections } = layer;
  const { headDim, ropeTheta, rmsNormEps } = geometry;
  const back = (gradient: tf.Tensor2D, input: tf.Tensor2D, name: Projection) =>
    linearBackward(gradient, input, projections[name], projectionDraw(options, name));
  const turnBack = (heads: tf.Tensor2D) => rotate(heads, batch.positions, headDim, ropeTheta, true);

  const dMiddle = tf.tidy(() => {
    const dActivated = back(dy, swigluForward(gate, up), "down_proj");
    const { dGate, dUp } = swigluBackward(dActivated, gate, up);
    const dNormed = tf.add(back(dGate, normedMiddle, "gate_proj"), back(dUp, normedMiddle, "up_proj"));
    return tf.add(dy, rmsNormBackward(dNormed as tf.Tensor2D, middle, layer.postAttentionNorm, rmsNormEps));
  });
  const dAttended = back(dMiddle as tf.Tensor2D, attended, "o_proj");
  const { dq, dk, dv } = attentionBackward(dAttended, q, k, v, batch, geometry);
  const dNormed = tf.add(
    tf.add(back(turnBack(dq), normed, "q_proj"), back(turnBack(dk), normed, "k_proj")),
    back(dv, normed, "v_proj"),
  ) as tf.Tensor2D;
  return tf.add(dMiddle, rmsNormBackward(dNormed, x, layer.inputNorm, rmsNormEps));
}

/** See `decoderLayer` in ops.ts. */
export function decoderLayer(
  x: tf.Tensor2D,
  layer: DecoderLayer,
  batch: PackedSequences,
  options: DecoderLayerOptions,
): tf.Tensor2D {
  const op = tf.customGrad((input, save) => {
    const rows = input as tf.Tensor2D;
    const { activations, activated } = forward(rows, layer, batch, options);
    (save as tf.GradSaveFunc)(saved(activations, options.saving));
    const down = linearForward(activated, layer.projections.down_proj, projectionDraw(options, "down_proj"));
    const gradFunc = (dy: tf.Tensor, kept: tf.Tensor[]) =>
      tf.tidy(() => {
        const known = restored(kept as tf.Tensor2D[], layer, batch, options);
        return backward(dy as tf.Tensor2D, known, layer, batch, options);
      });
    return { value: tf.add(activations[6], down), gradFunc };
  });
  return op(x) as tf.Tensor2D;
}
