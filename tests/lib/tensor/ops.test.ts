import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { embedding, linear, rmsNorm } from "../../../lib/tensor/ops.js";
import { clearWeightCache } from "../../../lib/tensor/portable/weights.js";
import { BACKENDS, use } from "./backends.js";
import { assertNear } from "./compare.js";
import { dense } from "./plainLayer.js";
import { randomLinear, randomWeight, values } from "./tinyLayer.js";

for (const backend of BACKENDS) {
  describe(`tensor ops on ${backend}`, () => {
    before(() => use(backend));
    beforeEach(() => tf.engine().startScope());
    afterEach(() => {
      tf.engine().endScope();
      clearWeightCache();
    });

    it("embedding takes rows of a tensor, a dense and a quantised weight", () => {
      const ids = Int32Array.of(3, 0, 19, 3);
      const quantised = randomWeight(20, 16, "nf4", 2);
      const table = dense(quantised);
      const expected = tf.gather(table, [...ids]);
      for (const given of [table, quantised, { kind: "dense", values: table } as const]) {
        assertNear(embedding(ids, given), expected, 0, "rows");
      }
      assert.throws(() => embedding(Int32Array.of(20), table), /Token id 20 is outside of the embedding's 20 rows/);
      assert.throws(() => embedding(Int32Array.of(-1), table), /Token id -1/);
    });

    it("rmsNorm equals tfjs' autodiff, value and gradient", () => {
      const x = tf.tensor2d(values(5 * 12, 1, 3), [5, 12]);
      const weight = tf.tensor1d(values(12, 2));
      const plain = (rows: tf.Tensor) =>
        tf.mul(tf.div(rows, tf.sqrt(tf.add(tf.mean(tf.square(rows), -1, true), 1e-5))), weight);
      const loss = (norm: (rows: tf.Tensor) => tf.Tensor) =>
        tf.grad((rows: tf.Tensor) => tf.sum(tf.sin(norm(rows))))(x);
      const own = (rows: tf.Tensor) => rmsNorm(rows as tf.Tensor2D, weight, 1e-5);
      assertNear(own(x), plain(x), 1e-6, "value");
      assertNear(loss(own), loss(plain), 1e-5, "gradient");
      assert.throws(() => rmsNorm(x, tf.ones([5]), 1e-5), /12 columns.*5 elements/);
    });

    it("linear adds bias and LoRA to the product", () => {
      const x = tf.tensor2d(values(3 * 32, 1), [3, 32]);
      for (const kind of ["dense", "nf4"] as const) {
        const projection = randomLinear(10, 32, { kind }, 4, true);
        const { a, b, scaling } = projection.lora!;
        const low = tf.matMul(tf.matMul(x, a.value as tf.Tensor, false, true), b.value as tf.Tensor, false, true);
        const plain = tf.add(tf.matMul(x, dense(projection.weight), false, true), projection.bias!);
        assertNear(linear(x, projection), tf.add(plain, tf.mul(low, scaling)), 1e-5, kind);
        assert.throws(() => linear(tf.zeros([3, 31]), projection), /31 columns.*32 features/);
      }
    });
  });
}
