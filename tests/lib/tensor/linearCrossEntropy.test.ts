import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import type { PackedBatch, Weight } from "../../../lib/tensor/layers.js";
import { linearCrossEntropy } from "../../../lib/tensor/ops.js";
import { clearWeightCache } from "../../../lib/tensor/portable/weights.js";
import { BACKENDS, use } from "./backends.js";
import { assertNear } from "./compare.js";
import { dense } from "./plainLayer.js";
import { packed, randomWeight, values } from "./tinyLayer.js";

const HIDDEN = 24;

/** By the definition: log-softmax over the vocabulary, picked at the next token. */
function plainLoss(hidden: tf.Tensor, head: Weight, batch: PackedBatch, numItems: number): tf.Scalar {
  const rows = [...batch.labels.keys()].filter(
    (t) => !batch.cuSeqlens.includes(t + 1) && batch.labels[t + 1] !== undefined && batch.labels[t + 1]! >= 0,
  );
  // Rows are picked by a product, because wasm lacks the gradient of gather.
  const picked = tf.matMul(tf.cast(tf.oneHot(rows, batch.labels.length), "float32"), hidden);
  const logits = tf.matMul(picked, dense(head), false, true);
  const chosen = tf.oneHot(
    rows.map((t) => batch.labels[t + 1]!),
    logits.shape[1]!,
  );
  return tf.div(tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), chosen))), numItems);
}

for (const backend of BACKENDS) {
  describe(`linearCrossEntropy on ${backend}`, () => {
    before(() => use(backend));
    afterEach(() => clearWeightCache());

    const hiddenOf = (batch: PackedBatch, scale = 1) =>
      tf.tensor2d(values(batch.labels.length * HIDDEN, 8, scale), [batch.labels.length, HIDDEN]);

    for (const [kind, scale] of [
      ["dense", 1],
      ["nf4", 1],
      ["dense", 200],
    ] as const) {
      it(`equals the definition, value and gradient: ${kind} head, hidden states up to ${scale}`, () => {
        tf.tidy(() => {
          const head = randomWeight(50, HIDDEN, kind, 4);
          const batch = packed([7, 1, 12, 3]);
          const hidden = hiddenOf(batch, scale);
          const own = tf.valueAndGrad((x: tf.Tensor) => linearCrossEntropy(x as tf.Tensor2D, head, batch, 13))(hidden);
          const plain = tf.valueAndGrad((x: tf.Tensor) => plainLoss(x, head, batch, 13))(hidden);
          assertNear(own.value, plain.value, 1e-5, "value");
          assertNear(own.grad, plain.grad, 1e-4, "gradient");
          assertNear(linearCrossEntropy(hidden, head, batch, 13), plain.value, 1e-5, "value without a tape");
        });
      });
    }

    // tfjs' own cpu backend runs the same code as wasm, only ten times slower.
    if (backend !== "cpu") {
      it("goes through a large vocabulary in chunks, without ever holding all logits", async () => {
        const head = randomWeight(30_000, HIDDEN, "dense", 4);
        const batch = packed([100, 110], 30_000);
        const hidden = hiddenOf(batch);
        const whole = tf.tidy(() => plainLoss(hidden, head, batch, 1).dataSync()[0]!);
        let own = 0;
        const { peakBytes } = await tf.profile(() => {
          const loss = linearCrossEntropy(hidden, head, batch, 1);
          own = loss.dataSync()[0]!;
          return loss;
        });
        assert.ok(Math.abs(own - whole) < 1e-4 * whole, `${own} and ${whole}`);
        assert.ok(peakBytes < 4 * 210 * 30_000, `${peakBytes} bytes`);
        tf.dispose([hidden, head.kind === "dense" ? head.values : []]);
      });
    }

    it("scales the gradient by what follows", () => {
      tf.tidy(() => {
        const head = randomWeight(20, HIDDEN, "dense", 4);
        const batch = packed([5], 20);
        const hidden = hiddenOf(batch);
        const loss = (factor: number) => (x: tf.Tensor) =>
          tf.mul(linearCrossEntropy(x as tf.Tensor2D, head, batch, 3), factor);
        assertNear(tf.grad(loss(4))(hidden), tf.mul(tf.grad(loss(1))(hidden), 4), 1e-6, "gradient");
      });
    });

    it("is zero, with a zero gradient, where nothing is predicted", () => {
      tf.tidy(() => {
        const head = randomWeight(20, HIDDEN, "dense", 4);
        const batch = packed([2, 1, 2], 20);
        const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => linearCrossEntropy(x as tf.Tensor2D, head, batch, 1))(
          hiddenOf(batch),
        );
        assert.equal(value.dataSync()[0], 0);
        assert.ok(grad.dataSync().every((g) => g === 0));
      });
    });

    it("leaks no tensors and refuses labels outside of the vocabulary", () => {
      const head = randomWeight(50, HIDDEN, "nf4", 4);
      const batch = packed([7, 12]);
      const pass = () =>
        tf.tidy(() => {
          tf.grad((x: tf.Tensor) => linearCrossEntropy(x as tf.Tensor2D, head, batch, 1))(hiddenOf(batch));
        });
      pass();
      const before = tf.memory().numTensors;
      pass();
      assert.equal(tf.memory().numTensors, before);
      const wrong = { ...batch, labels: batch.labels.map((label) => (label < 0 ? label : label + 50)) };
      tf.tidy(() => assert.throws(() => linearCrossEntropy(hiddenOf(batch), head, wrong, 1), /outside/));
    });
  });
}
