import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { collapse, denseStrides } from "../../../../lib/tensor/backend/kernel.js";
import { use } from "../backends.js";
import { assertNear } from "../compare.js";
import { values } from "../tinyLayer.js";

/** tfjs' suite has small tensors; these are large enough to be divided over threads, with odd lengths. */
const random = (shape: number[], seed = 1, scale = 2) =>
  tf.tensor(values(tf.util.sizeFromShape(shape), seed, scale), shape);
const integers = (shape: number[], below: number) => {
  const numbers = values(tf.util.sizeFromShape(shape), 9);
  return tf.tensor(
    Int32Array.from(numbers, (v) => Math.floor(((v + 1) / 2) * below)),
    shape,
    "int32",
  );
};

const CASES: Readonly<Record<string, () => tf.Tensor>> = {
  "add, same shape": () => tf.add(random([301, 257]), random([301, 257], 2)),
  "add a row": () => tf.add(random([301, 257]), random([257], 2)),
  "divide by a column": () => tf.div(random([301, 257]), random([301, 1], 2)),
  "subtract from a scalar": () => tf.sub(1, random([70_001])),
  "multiply in the middle": () => tf.mul(random([20, 30, 41, 7]), random([30, 1, 7], 2)),
  "outer product": () => tf.mul(random([257, 1]), random([1, 263], 2)),
  "maximum with a scalar": () => tf.maximum(random([70_001]), 0.25),
  power: () => tf.pow(tf.abs(random([40_001])), random([40_001], 2)),
  "compare, as numbers": () => tf.cast(tf.greaterEqual(random([301, 257]), random([257], 2)), "float32"),
  exponential: () => tf.exp(random([70_001], 1, 80)),
  sigmoid: () => tf.sigmoid(random([70_001], 1, 40)),
  "clip to bounds": () => tf.clipByValue(random([70_001]), -0.5, 0.7),
  "sum of all": () => tf.sum(random([301, 257])),
  "sum over rows": () => tf.sum(random([301, 257]), 0),
  "mean over the last axis": () => tf.mean(random([301, 257]), -1, true),
  "maximum over axes apart": () => tf.max(random([20, 33, 41, 7]), [0, 2]),
  "sum over the middle": () => tf.sum(random([20, 330, 41]), 1),
  softmax: () => tf.softmax(random([301, 257], 1, 30)),
  "transpose of a matrix": () => tf.transpose(random([301, 257])),
  "transpose, heads before rows": () => tf.transpose(random([301, 6, 37]), [1, 0, 2]),
  "transpose of four axes": () => tf.transpose(random([13, 6, 11, 37]), [3, 1, 0, 2]),
  "transpose of integers": () => tf.transpose(integers([301, 257], 1000)),
  "slice of rows": () => tf.slice(random([301, 257]), [17, 0], [200, -1]),
  "slice of columns": () => tf.slice(random([301, 257]), [0, 31], [-1, 100]),
  "slice of truth values": () => tf.cast(tf.slice(tf.greater(random([301, 257]), 0), [5, 5], [90, 80]), "int32"),
  "concat along rows and columns": () =>
    tf.concat([tf.concat([random([101, 257]), random([200, 257], 2)]), random([301, 90], 3)], 1),
  "stack in the middle": () => tf.stack([random([301, 57]), random([301, 57], 2)], 1),
  "split, last part": () => tf.split(random([301, 257]), [100, 157], 1)[1]!,
  pad: () =>
    tf.pad(
      random([301, 257]),
      [
        [3, 1],
        [0, 9],
      ],
      0.5,
    ),
  tile: () => tf.tile(random([31, 1, 57]), [2, 40, 3]),
  reverse: () => tf.reverse(random([31, 40, 57]), [0, 2]),
  "gather of rows": () => tf.gather(random([301, 257]), integers([90], 301)),
  "gather of columns": () => tf.gather(random([301, 257]), integers([9, 10], 257), 1),
  "gather of integers": () => tf.gather(integers([301, 30], 1000), integers([90], 301)),
  "product of matrices": () => tf.matMul(random([131, 257]), random([257, 90], 2)),
  "product, both transposed": () => tf.matMul(random([257, 131]), random([90, 257], 2), true, true),
  "product in batches": () => tf.matMul(random([6, 131, 57]), random([6, 90, 57], 2), false, true),
  "product with a shared operand": () => tf.matMul(random([6, 131, 57]), random([1, 57, 90], 2)),
  "product with bias and activation": () =>
    tf.fused.matMul({
      a: random([131, 257]) as tf.Tensor2D,
      b: random([257, 90], 2) as tf.Tensor2D,
      bias: random([90], 3),
      activation: "relu",
    }),
};

describe("kernels of cpu-native on large tensors", () => {
  const expected = new Map<string, Float32Array>();
  before(async () => {
    await use("cpu");
    for (const [name, compute] of Object.entries(CASES)) {
      expected.set(
        name,
        tf.tidy(() => Float32Array.from(compute().dataSync())),
      );
    }
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
