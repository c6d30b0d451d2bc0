import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import type { Saving } from "../../../lib/tensor/layers.js";
import { releaseCaches, tensorMemory } from "../../../lib/tensor/memory.js";
import { createKvCache, decoderLayer, decoderLayerCached } from "../../../lib/tensor/ops.js";
import { BACKENDS, use } from "./backends.js";
import { disposeLayer, GEOMETRY, packed, randomLayer } from "./tinyLayer.js";

for (const backend of BACKENDS.filter((name) => name !== "cuda")) {
  describe(`tensorMemory on ${backend}`, () => {
    before(() => use(backend));
    beforeEach(() => releaseCaches());

    it("counts expanded weights until they are released", () => {
      const layer = randomLayer({ kind: "nf4" });
      tf.tidy(
        () =>
          void decoderLayer(tf.zeros([4, GEOMETRY.hiddenSize]), layer, packed([4]), {
            saving: "none",
            training: false,
          }),
      );
      const weights = Object.values(layer.projections).reduce((sum, p) => sum + 4 * p.inFeatures * p.outFeatures, 0);
      const { expandedWeights } = tensorMemory();
      assert.ok(expandedWeights >= weights, `${expandedWeights} bytes of ${weights}`);
      releaseCaches();
      assert.equal(tensorMemory().expandedWeights, 0);
      disposeLayer(layer);
    });

    it("counts a cache's keys and values until it is disposed of", () => {
      const layer = randomLayer();
      const before = tensorMemory().kvCaches;
      const cache = createKvCache(1, GEOMETRY, 1, 6);
      tf.tidy(() => void decoderLayerCached(tf.zeros([6, GEOMETRY.hiddenSize]), layer, 0, packed([6]), cache));
      assert.equal(tensorMemory().kvCaches - before, 2 * 4 * 6 * GEOMETRY.numKvHeads * GEOMETRY.headDim);
      cache.dispose();
      assert.equal(tensorMemory().kvCaches, before);
      disposeLayer(layer);
    });

    it("counts what a layer keeps for backward, in native memory or in tensors", () => {
      const layer = randomLayer();
      const batch = packed([40]);
      const held = () => {
        const { activations, tensors } = tensorMemory();
        return activations + tensors;
      };
      const during = (saving: Saving) =>
        tf.tidy(() => {
          let bytes = 0;
          tf.grad((x: tf.Tensor) => {
            const y = decoderLayer(x as tf.Tensor2D, layer, batch, { saving, training: true });
            bytes = held();
            return tf.sum(y);
          })(tf.ones([40, GEOMETRY.hiddenSize]));
          return bytes;
        });
      during("all");
      assert.ok(during("all") - during("none") > 4 * 40 * 4 * GEOMETRY.hiddenSize);
      assert.ok(during("all") > during("selected") && during("selected") > during("none"));
      assert.ok(tensorMemory().process > 0);
      disposeLayer(layer);
    });
  });
}
