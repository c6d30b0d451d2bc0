/**
 * Milliseconds a token of a 3.2M-parameter model in generation, one sequence, after a prompt of 200 tokens.
 *
 *     npx tsx tests/bench/decode.ts [backend] [tokens]
 */
import * as tf from "@tensorflow/tfjs";
import { initBackend } from "../../lib/tensor/backend.js";
import type { LayerGeometry, PackedSequences } from "../../lib/tensor/layers.js";
import { advance, createKvCache, decoderLayerCached, embedding, linear, rmsNorm } from "../../lib/tensor/ops.js";
import type { BackendName } from "../../lib/tensor/startBackend.js";
import { randomLayer, randomLinear } from "../lib/tensor/tinyLayer.js";

const [backend = "wasm", tokens = "50"] = process.argv.slice(2);
const geometry: LayerGeometry = {
  hiddenSize: 192,
  intermediateSize: 512,
  numHeads: 4,
  numKvHeads: 2,
  headDim: 48,
  rmsNormEps: 1e-6,
  ropeTheta: 10000,
};
await initBackend(backend as BackendName);
const layers = Array.from({ length: 6 }, (_, i) =>
  randomLayer({ geometry, kind: "nf4", lora: { r: 16 }, seed: i + 1 }),
);
const head = randomLinear(4096, geometry.hiddenSize, { lora: null }, 99, false);
const norm = tf.ones([geometry.hiddenSize]) as tf.Tensor1D;
const cache = createKvCache(layers.length, geometry, 1, 200 + Number(tokens));

/** Feeds ids and returns the likeliest next one. */
function step(ids: Int32Array): number {
  const held = cache.lengths[0]!;
  const batch: PackedSequences = {
    cuSeqlens: Int32Array.of(0, ids.length),
    positions: Int32Array.from(ids, (_, i) => held + i),
  };
  const next = tf.tidy(() => {
    let hidden = embedding(ids, head.weight);
    layers.forEach((layer, i) => {
      hidden = decoderLayerCached(hidden, layer, i, batch, cache);
    });
    const last = tf.slice(hidden, [ids.length - 1, 0], [1, -1]);
    return tf.argMax(linear(rmsNorm(last, norm, 1e-6), head), -1).dataSync()[0]!;
  });
  advance(cache, [held + ids.length]);
  return next;
}

let start = performance.now();
let id = step(Int32Array.from({ length: 200 }, (_, i) => i));
const prompt = performance.now() - start;
start = performance.now();
for (let i = 0; i < Number(tokens); i++) id = step(Int32Array.of(id));
const each = (performance.now() - start) / Number(tokens);
console.log(`${backend}: prompt ${prompt.toFixed(0)} ms, ${each.toFixed(2)} ms a token, last id ${id}`);
cache.dispose();
