import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { collapse, denseStrides } from "../../../../lib/tensor/backend/kernel.js";
import { use } from "../backends.js";
import { assertNear } from "../compare.js";
import { CASES, computed, random } from "./cases.js";

describe("kernels of cpu-native on large tensors", () => {
  let expected: Map<string, Float32Array>;
  before(async () => {
    await use("cpu");
    expected = computed();
    await use("cpu-native");
  });

  for (const [name, compute] of Object.entries(CASES)) {
    it(`equal tfjs' cpu backend: ${name}`, () => {
      tf.tidy(() => assertNear(compute(), expected.get(name)!, 1e-5, name));
    });
  }

  it("carry NaN and infinity through", () => {
    tf.tidy(() => {
      const x = tf.tensor1d([1, Number.NaN, -Infinity, 100]);
      const list = (y: tf.Tensor) => [...y.dataSync()];
      assert.deepEqual(list(tf.max(x)), [Number.NaN]);
      assert.deepEqual(list(tf.min(tf.tensor1d([3, Infinity, -Infinity]))), [-Infinity]);
      assert.deepEqual(list(tf.exp(x)).slice(1), [Number.NaN, 0, Infinity]);
      assert.deepEqual(list(tf.maximum(x, 2)), [2, Number.NaN, 2, 100]);
      assert.deepEqual(list(tf.relu(x)), [1, Number.NaN, 0, 100]);
      assert.deepEqual(list(tf.softmax(tf.tensor1d([0, -Infinity]))).map(Math.round), [1, 0]);
    });
  });

  it("refuse what tfjs refuses, in its words", () => {
    tf.tidy(() => {
      assert.throws(() => tf.gather(random([5, 2]), tf.tensor1d([7], "int32")), /7 is not in \[0, 4\]/);
      assert.throws(() => tf.slice(random([5, 2]), [3, 0], [4, 2]), /begin\[0\]|size/);
      assert.throws(() => tf.matMul(random([5, 2]), random([3, 2])), /inner shapes/i);
    });
  });
});

describe("collapse", () => {
  it("joins axes that every operand runs through evenly", () => {
    const shape = [4, 5, 6];
    const { shape: joined, strides } = collapse(shape, [denseStrides(shape), [0, 0, 1]]);
    assert.deepEqual([...joined], [20, 6]);
    assert.deepEqual(
      strides.map((steps) => [...steps]),
      [
        [6, 1],
        [0, 1],
      ],
    );
    assert.deepEqual([...collapse([1, 1], [[0, 0]]).shape], [1]);
  });
});
