/** How near two tensors are, relative to the larger one's norm. */
import assert from "node:assert/strict";
import type * as tf from "@tensorflow/tfjs";

export type Values = tf.Tensor | ArrayLike<number>;

const numbers = (x: Values): ArrayLike<number> => ("dataSync" in x ? (x as tf.Tensor).dataSync() : x);

export function assertNear(actual: Values, expected: Values, tolerance: number, what: string): void {
  const [a, b] = [numbers(actual), numbers(expected)];
  assert.equal(a.length, b.length, `${what}: number of elements`);
  let difference = 0;
  let size = 0;
  for (let i = 0; i < a.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    size += b[i]! ** 2;
  }
  const relative = Math.sqrt(difference) / (Math.sqrt(size) + 1e-12);
  assert.ok(relative <= tolerance, `${what}: relative difference ${relative}, allowed ${tolerance}`);
}
