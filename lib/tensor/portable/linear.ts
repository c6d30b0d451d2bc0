/**
 * A projection with its low-rank pair, forward and backward.
 *
 * Every product here is plain [m, k] x [k, n]: tfjs' wasm backend runs those 10 to 20 times faster than the ones that
 * ask for a transposed operand, so the small operand is transposed beforehand.
 */
import * as tf from "@tensorflow/tfjs";
import { dropoutMask } from "../dropout.js";
import type { Linear, LoraPair } from "../layers.js";
import type { Parameter } from "../parameter.js";
import { matrix } from "./weights.js";

/** How a projection draws its dropout: null outside training. */
export interface DropoutDraw {
  readonly seed: number;
  readonly stream: number;
}

function loraInput(x: tf.Tensor2D, lora: LoraPair, draw: DropoutDraw | null): tf.Tensor2D {
  const mask = inputMask(x, lora, draw);
  return mask === null ? x : tf.mul(x, mask);
}

function inputMask(x: tf.Tensor2D, lora: LoraPair, draw: DropoutDraw | null): tf.Tensor2D | null {
  if (draw === null || lora.dropout === 0) return null;
  return tf.tensor2d(dropoutMask(draw.seed, draw.stream, x.size, lora.dropout), x.shape);
}

const tensorOf = (parameter: Parameter) => parameter.value as tf.Tensor as tf.Tensor2D;

/** Adds to the gradient that a parameter holds, whatever tidy is open. */
export function addGradient(parameter: Parameter, gradient: tf.Tensor): void {
  const before = parameter.grad;
  parameter.grad = tf.keep(before === null ? tf.clone(gradient) : tf.add(before, gradient));
  before?.dispose();
}

/** y = x Wᵀ + bias + scaling · (drop(x) Aᵀ) Bᵀ, for x [tokens, in]. Runs inside the caller's tidy. */
export function linearForward(x: tf.Tensor2D, linear: Linear, draw: DropoutDraw | null): tf.Tensor2D {
  const { columns } = matrix(linear.weight);
  const base = tf.fused.matMul({ a: x, b: columns, ...(linear.bias !== null && { bias: linear.bias }) }) as tf.Tensor2D;
  const { lora } = linear;
  if (lora === null) return base;
  const reduced = tf.matMul(loraInput(x, lora, draw), tf.transpose(tensorOf(lora.a)));
  const raised = tf.matMul(reduced, tf.mul(tf.transpose(tensorOf(lora.b)), lora.scaling));
  return tf.add(base, raised);
}

/** The gradient of x from that of y; adds those of A and B to their parameters. */
export function linearBackward(dy: tf.Tensor2D, x: tf.Tensor2D, linear: Linear, draw: DropoutDraw | null): tf.Tensor2D {
  const through: tf.Tensor2D = tf.matMul(dy, matrix(linear.weight).rows);
  const { lora } = linear;
  if (lora === null) return through;
  const [a, b] = [tensorOf(lora.a), tensorOf(lora.b)];
  const mask = inputMask(x, lora, draw);
  const dropped = mask === null ? x : tf.mul<tf.Tensor2D>(x, mask);
  const reduced = tf.matMul<tf.Tensor2D>(dropped, tf.transpose(a));
  const dReduced = tf.matMul<tf.Tensor2D>(dy, tf.mul<tf.Tensor2D>(b, lora.scaling));
  addGradient(lora.a, tf.matMul(tf.transpose(dReduced), dropped));
  const dRaised = tf.matMul<tf.Tensor2D>(tf.mul<tf.Tensor2D>(tf.transpose(reduced), lora.scaling), dy);
  addGradient(lora.b, tf.transpose(dRaised));
  const low = tf.matMul(dReduced, a);
  return tf.add(through, mask === null ? low : tf.mul(low, mask));
}
