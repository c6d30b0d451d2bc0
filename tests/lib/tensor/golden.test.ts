import { readFileSync } from "node:fs";
import * as tf from "@tensorflow/tfjs";
import { type DecoderLayer, type LayerGeometry, type Linear, PROJECTIONS } from "../../../lib/tensor/layers.js";
import { decoderLayer, linearCrossEntropy, rmsNorm } from "../../../lib/tensor/ops.js";
import { Parameter } from "../../../lib/tensor/parameter.js";
import { clearWeightCache } from "../../../lib/tensor/portable/weights.js";
import { BACKENDS, use } from "./backends.js";
import { assertNear } from "./compare.js";
import { disposeLayer, packed } from "./tinyLayer.js";

/** What golden/make.py wrote. */
interface Golden {
  geometry: LayerGeometry;
  lengths: number[];
  scaling: number;
  numItems: number;
  inputNorm: number[];
  postAttentionNorm: number[];
  finalNorm: number[];
  head: number[];
  x: number[];
  labels: number[];
  projections: Record<
    string,
    { weight: number[]; bias: number[] | null; a: number[]; b: number[]; gradA: number[]; gradB: number[] }
  >;
  y: number[];
  loss: number;
  dx: number[];
}

const golden = JSON.parse(readFileSync(new URL("./golden/qwen2Layer.json", import.meta.url), "utf8")) as Golden;

function goldenLayer(): DecoderLayer {
  const linear = (name: string): Linear => {
    const { weight, bias, a, b } = golden.projections[name]!;
    const rank = 2;
    const [inFeatures, outFeatures] = [a.length / rank, b.length / rank];
    return {
      inFeatures,
      outFeatures,
      weight: { kind: "dense", values: tf.tensor2d(weight, [outFeatures, inFeatures]) },
      bias: bias === null ? null : tf.tensor1d(bias),
      lora: {
        a: new Parameter(`${name}.a`, tf.tensor2d(a, [rank, inFeatures])),
        b: new Parameter(`${name}.b`, tf.tensor2d(b, [outFeatures, rank])),
        scaling: golden.scaling,
        dropout: 0,
      },
    };
  };
  return {
    geometry: golden.geometry,
    inputNorm: tf.tensor1d(golden.inputNorm),
    postAttentionNorm: tf.tensor1d(golden.postAttentionNorm),
    projections: Object.fromEntries(PROJECTIONS.map((name) => [name, linear(name)])) as DecoderLayer["projections"],
  };
}

for (const backend of BACKENDS) {
  describe(`a Qwen2 layer with LoRA in PyTorch, on ${backend}`, () => {
    before(() => use(backend));
    afterEach(() => clearWeightCache());

    for (const saving of ["all", "none"] as const) {
      it(`has the same output, loss and gradients, saving ${saving}`, () => {
        const layer = goldenLayer();
        tf.tidy(() => {
          const { hiddenSize, rmsNormEps } = golden.geometry;
          const batch = { ...packed(golden.lengths), labels: Int32Array.from(golden.labels) };
          const x = tf.tensor2d(golden.x, [batch.labels.length, hiddenSize]);
          const norm = tf.tensor1d(golden.finalNorm);
          const vocabSize = golden.head.length / hiddenSize;
          const head = { kind: "dense", values: tf.tensor2d(golden.head, [vocabSize, hiddenSize]) } as const;
          const apply = (rows: tf.Tensor) =>
            decoderLayer(rows as tf.Tensor2D, layer, batch, { saving, training: true });
          const loss = (rows: tf.Tensor) =>
            linearCrossEntropy(rmsNorm(apply(rows), norm, rmsNormEps), head, batch, golden.numItems);
          assertNear(apply(x), golden.y, 1e-5, "y");
          const { value, grad } = tf.valueAndGrad(loss)(x);
          assertNear(value, [golden.loss], 1e-5, "loss");
          assertNear(grad, golden.dx, 1e-4, "dx");
          for (const name of PROJECTIONS) {
            const { a, b } = layer.projections[name].lora!;
            assertNear(a.grad!, golden.projections[name]!.gradA, 1e-4, `${name} A`);
            assertNear(b.grad!, golden.projections[name]!.gradB, 1e-4, `${name} B`);
          }
        });
        disposeLayer(layer);
      });
    }
  });
}
