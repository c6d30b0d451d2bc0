import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { PROJECTIONS, type Saving } from "../../../lib/tensor/layers.js";
import * as ops from "../../../lib/tensor/ops.js";
import { linearCrossEntropy } from "../../../lib/tensor/portable/crossEntropy.js";
import { decoderLayer } from "../../../lib/tensor/portable/decoderLayer.js";
import { linearForward } from "../../../lib/tensor/portable/linear.js";
import { rmsNorm } from "../../../lib/tensor/portable/norm.js";
import { clearWeightCache } from "../../../lib/tensor/portable/weights.js";
import { use } from "./backends.js";
import { assertNear } from "./compare.js";
import { disposeLayer, GEOMETRY, packed, randomLayer, randomLinear, randomWeight, values } from "./tinyLayer.js";

const TOLERANCE = 1e-4;
const LENGTHS = [17, 1, 40, 6];

describe("native ops equal their portable composites", () => {
  const batch = packed(LENGTHS);
  const tokens = batch.labels.length;
  const input = () => tf.tensor2d(values(tokens * GEOMETRY.hiddenSize, 3), [tokens, GEOMETRY.hiddenSize]);
  before(() => use("cpu-native"));
  beforeEach(() => tf.engine().startScope());
  afterEach(() => {
    tf.engine().endScope();
    clearWeightCache();
  });

  for (const saving of ["all", "none"] as const) {
    it(`decoderLayer with dropout, saving ${saving}: output, gradient of x, gradients of LoRA`, () => {
      const layer = randomLayer({ kind: "nf4", lora: { r: 4, dropout: 0.25 } });
      const pass = (apply: typeof ops.decoderLayer, how: Saving) => {
        const parameters = PROJECTIONS.flatMap((name) => {
          const { a, b } = layer.projections[name].lora!;
          return [a, b];
        });
        for (const parameter of parameters) parameter.zeroGrad();
        const options = { saving: how, training: true, seed: 4_000_000_000 };
        const { value, grad } = tf.valueAndGrad((x: tf.Tensor) =>
          tf.sum(tf.sin(apply(x as tf.Tensor2D, layer, batch, options))),
        )(input());
        return [value, grad, ...parameters.map((parameter) => tf.clone(parameter.grad!))];
      };
      const expected = pass(decoderLayer, "all");
      pass(ops.decoderLayer, saving).forEach((tensor, i) => {
        assertNear(tensor, expected[i]!, TOLERANCE, `tensor ${i}`);
      });
      disposeLayer(layer);
    });
  }

  it("decoderLayer after LoRA's values were assigned anew, and after its pair was taken away", () => {
    const layer = randomLayer();
    const options = { saving: "none", training: false } as const;
    const check = (what: string) => {
      const [own, plain] = [ops.decoderLayer, decoderLayer].map((apply) => apply(input(), layer, batch, options));
      assertNear(own!, plain!, TOLERANCE, what);
    };
    check("at first");
    const { a } = layer.projections.q_proj.lora!;
    a.value.assign(tf.mul(a.value as tf.Tensor, 3));
    check("assigned");
    const pair = layer.projections.down_proj.lora;
    layer.projections.down_proj.lora = null;
    check("without a pair");
    layer.projections.down_proj.lora = pair;
    check("with it again");
    disposeLayer(layer);
  });

  it("decoderLayer whose tensors and gradients came from another backend", async () => {
    await use("wasm");
    const layer = randomLayer();
    const step = (apply: typeof ops.decoderLayer) =>
      tf.grad((x: tf.Tensor) => {
        return tf.sum(tf.sin(apply(x as tf.Tensor2D, layer, batch, { saving: "all", training: true })));
      })(input());
    step(decoderLayer);
    const once = Float32Array.from(layer.projections.v_proj.lora!.b.grad!.dataSync());
    await use("cpu-native");
    step(ops.decoderLayer);
    const twice = once.map((value) => 2 * value);
    assertNear(layer.projections.v_proj.lora!.b.grad!, twice, TOLERANCE, "gradient of both");
    disposeLayer(layer);
  });

  it("refuse integers where float32 values are computed", () => {
    const x = tf.zeros([2, 3], "int32") as tf.Tensor2D;
    assert.throws(() => ops.rmsNorm(x, tf.ones([3]), 1e-6), /tensor of int32 was given/);
  });

  it("linearCrossEntropy, value and gradient", () => {
    for (const kind of ["dense", "nf4"] as const) {
      const head = randomWeight(300, GEOMETRY.hiddenSize, kind, 5);
      const [own, plain] = [ops.linearCrossEntropy, linearCrossEntropy].map((apply) =>
        tf.valueAndGrad((x: tf.Tensor) => apply(x as tf.Tensor2D, head, batch, 50))(input()),
      );
      assertNear(own!.value, plain!.value, TOLERANCE, "value");
      assertNear(own!.grad, plain!.grad, TOLERANCE, "gradient");
    }
  });

  it("rmsNorm, value and gradient", () => {
    const weight = tf.tensor1d(values(GEOMETRY.hiddenSize, 6));
    const [own, plain] = [ops.rmsNorm, rmsNorm].map((apply) =>
      tf.valueAndGrad((x: tf.Tensor) => tf.sum(tf.sin(apply(x as tf.Tensor2D, weight, 1e-6))))(input()),
    );
    assertNear(own!.value, plain!.value, TOLERANCE, "value");
    assertNear(own!.grad, plain!.grad, TOLERANCE, "gradient");
  });

  it("linear", () => {
    const projection = randomLinear(50, GEOMETRY.hiddenSize, { kind: "nf4" }, 7, true);
    assertNear(ops.linear(input(), projection), linearForward(input(), projection, null), TOLERANCE, "y");
  });
});
