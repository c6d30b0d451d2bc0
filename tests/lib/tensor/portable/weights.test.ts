import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import {
  clearWeightCache,
  matrix,
  setWeightCacheBudget,
  weightCacheBytes,
} from "../../../../lib/tensor/portable/weights.js";
import { use } from "../backends.js";
import { assertNear } from "../compare.js";
import { dense } from "../plainLayer.js";
import { randomWeight } from "../tinyLayer.js";

const BUDGET = 512 * 2 ** 20;

describe("the cache of weights", () => {
  before(() => use("cpu"));
  afterEach(() => {
    clearWeightCache();
    setWeightCacheBudget(BUDGET);
  });

  it("holds both layouts of a quantised matrix, made once", () => {
    const weight = randomWeight(6, 64, "nf4", 1);
    tf.tidy(() => {
      const { rows, columns } = matrix(weight);
      assertNear(rows, dense(weight), 0, "rows");
      assertNear(columns, tf.transpose(dense(weight)), 0, "columns");
      assert.equal(matrix(weight).rows, rows);
    });
    assert.equal(weightCacheBytes(), 2 * 4 * 6 * 64);
  });

  it("drops what was used longest ago when the budget is spent, and all on clear", () => {
    setWeightCacheBudget(2 * (2 * 4 * 64));
    const [first, second, third] = [1, 2, 3].map((seed) => randomWeight(1, 64, "nf4", seed));
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const kept = matrix(first!).rows;
      matrix(second!);
      matrix(first!);
      matrix(third!);
      assert.equal(matrix(first!).rows, kept);
      assert.equal(weightCacheBytes(), 2 * (2 * 4 * 64));
    });
    clearWeightCache();
    assert.equal(weightCacheBytes(), 0);
    assert.equal(tf.memory().numTensors, before);
  });

  it("leaves a matrix larger than the budget to the caller's tidy, and never disposes of the model's own tensor", () => {
    setWeightCacheBudget(10);
    const weight = randomWeight(4, 8, "dense", 1);
    assert.ok(weight.kind === "dense");
    const before = tf.memory().numTensors;
    tf.tidy(() => void matrix(weight));
    assert.equal(tf.memory().numTensors, before);
    setWeightCacheBudget(BUDGET);
    tf.tidy(() => void matrix(weight));
    clearWeightCache();
    assert.equal(weight.values.isDisposed, false);
    weight.values.dispose();
  });
});
