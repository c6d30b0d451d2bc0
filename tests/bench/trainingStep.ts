/**
 * Seconds of a training step (forward, backward) of a 3.2M-parameter model on 2,000 tokens in 8 sequences.
 *
 *     npx tsx tests/bench/trainingStep.ts [backend] [saving] [steps]
 */
import * as tf from "@tensorflow/tfjs";
import { initBackend } from "../../lib/tensor/backend.js";
import type { LayerGeometry, Saving } from "../../lib/tensor/layers.js";
import { decoderLayer, embedding, linearCrossEntropy, rmsNorm } from "../../lib/tensor/ops.js";
import type { BackendName } from "../../lib/tensor/startBackend.js";
import { packed, randomLayer, randomWeight } from "../lib/tensor/tinyLayer.js";

const [backend = "wasm", saving = "all", steps = "3"] = process.argv.slice(2);
const geometry: LayerGeometry = {
  hiddenSize: 192,
  intermediateSize: 512,
  numHeads: 4,
  numKvHeads: 2,
  headDim: 48,
  rmsNormEps: 1e-6,
  ropeTheta: 10000,
};
const vocabSize = 4096;
await initBackend(backend as BackendName);
const layers = Array.from({ length: 6 }, (_, i) =>
  randomLayer({ geometry, kind: "nf4", lora: { r: 16 }, seed: i + 1 }),
);
const head = randomWeight(vocabSize, geometry.hiddenSize, "dense", 99);
const norm = tf.ones([geometry.hiddenSize]) as tf.Tensor1D;
const batch = packed([250, 180, 320, 260, 240, 300, 200, 250], vocabSize);
const items = batch.labels.filter((label) => label >= 0).length;
const kernels = new Map<string, number>();
if (process.env.PROFILE) {
  const engine = tf.engine();
  const original = engine.runKernel.bind(engine);
  engine.runKernel = ((name: string, inputs: tf.NamedTensorMap, attrs?: Record<string, never>) => {
    const start = performance.now();
    const result = original(name, inputs, attrs);
    kernels.set(name, (kernels.get(name) ?? 0) + performance.now() - start);
    return result;
  }) as typeof engine.runKernel;
}
for (let step = 0; step < Number(steps); step++) {
  const start = performance.now();
  const embedded = embedding(batch.inputIds, head);
  const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => {
    let hidden = x as tf.Tensor2D;
    for (const layer of layers) {
      hidden = decoderLayer(hidden, layer, batch, { saving: saving as Saving, training: true });
    }
    return linearCrossEntropy(rmsNorm(hidden, norm, 1e-6), head, batch, items);
  })(embedded);
  const loss = (await value.data())[0]!;
  tf.dispose([embedded, value, grad]);
  const seconds = (performance.now() - start) / 1000;
  console.log(`${tf.getBackend()} ${saving}: step ${step} loss ${loss.toFixed(4)} ${seconds.toFixed(2)} s`);
}
for (const [name, ms] of [...kernels].sort((a, b) => b[1] - a[1]).slice(0, 20))
  console.log(name.padEnd(20), ms.toFixed(0));
