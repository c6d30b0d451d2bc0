import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { type DecoderLayer, PROJECTIONS, SAVINGS, type Saving } from "../../../lib/tensor/layers.js";
import { decoderLayer } from "../../../lib/tensor/ops.js";
import { clearWeightCache } from "../../../lib/tensor/portable/weights.js";
import { BACKENDS, use } from "./backends.js";
import { assertNear } from "./compare.js";
import { plainLayer } from "./plainLayer.js";
import { disposeLayer, GEOMETRY, packed, randomLayer, type TinyOptions, values } from "./tinyLayer.js";

const LENGTHS = [5, 1, 9];

function input(tokens: number): tf.Tensor2D {
  return tf.tensor2d(values(tokens * GEOMETRY.hiddenSize, 3), [tokens, GEOMETRY.hiddenSize]);
}

function parameters(layer: DecoderLayer) {
  return PROJECTIONS.flatMap((name) => {
    const { lora } = layer.projections[name];
    return lora === null ? [] : [lora.a, lora.b];
  });
}

interface Pass {
  y: Float32Array;
  dx: Float32Array;
  gradients: Float32Array[];
}

/** Forward and backward of the op, with sin(y) as a loss that makes every gradient differ. */
function run(layer: DecoderLayer, lengths: number[], saving: Saving, training = true, seed = 0): Pass {
  const batch = packed(lengths);
  for (const parameter of parameters(layer)) parameter.zeroGrad();
  return tf.tidy(() => {
    const x = input(batch.positions.length);
    let y: tf.Tensor = x;
    const grad = tf.grad((rows: tf.Tensor) => {
      y = tf.keep(decoderLayer(rows as tf.Tensor2D, layer, batch, { saving, training, seed }));
      return tf.sum(tf.sin(y));
    })(x);
    const numbers = (tensor: tf.Tensor) => tensor.dataSync().slice() as Float32Array;
    const pass = { y: numbers(y), dx: numbers(grad), gradients: parameters(layer).map((p) => numbers(p.grad!)) };
    y.dispose();
    return pass;
  });
}

/** The same by tfjs' own gradients. */
function runPlain(layer: DecoderLayer, lengths: number[]): Pass {
  const batch = packed(lengths);
  return tf.tidy(() => {
    const x = input(batch.positions.length);
    const variables = parameters(layer).map((parameter) => parameter.value as tf.Tensor);
    const forward = (rows: tf.Tensor) => {
      const parts = lengths.map((length, i) =>
        plainLayer(tf.slice(rows as tf.Tensor2D, [batch.cuSeqlens[i]!, 0], [length, -1]), layer),
      );
      return tf.concat(parts);
    };
    const grads = tf.grads((rows: tf.Tensor) => tf.sum(tf.sin(forward(rows))))([x, ...variables]);
    const numbers = (tensor: tf.Tensor) => tensor.dataSync().slice() as Float32Array;
    return { y: numbers(forward(x)), dx: numbers(grads[0]!), gradients: grads.slice(1).map(numbers) };
  });
}

function assertSame(actual: Pass, expected: Pass, tolerance: number, what: string): void {
  assertNear(actual.y, expected.y, tolerance, `${what}: y`);
  assertNear(actual.dx, expected.dx, tolerance, `${what}: dx`);
  assert.equal(actual.gradients.length, expected.gradients.length);
  actual.gradients.forEach((gradient, i) => {
    const name = `${PROJECTIONS[Math.floor(i / 2)]} ${i % 2 === 0 ? "A" : "B"}`;
    assertNear(gradient, expected.gradients[i]!, tolerance, `${what}: ${name}`);
  });
}

for (const backend of BACKENDS) {
  describe(`decoderLayer on ${backend}`, () => {
    before(() => use(backend));

    const cases: [string, TinyOptions][] = [
      ["dense weights", {}],
      ["NF4 weights", { kind: "nf4" }],
      ["no bias", { bias: false }],
      ["one head group", { geometry: { ...GEOMETRY, numKvHeads: 4 } }],
      ["heads wider than the hidden size", { geometry: { ...GEOMETRY, headDim: 16 } }],
    ];
    for (const [name, options] of cases) {
      it(`equals tfjs' autodiff of the plain layer, forward and backward: ${name}`, () => {
        const layer = randomLayer(options);
        assertSame(run(layer, LENGTHS, "all"), runPlain(layer, LENGTHS), 1e-5, name);
        disposeLayer(layer);
        clearWeightCache();
      });
    }

    it("gives the same numbers whatever it saves", () => {
      const layer = randomLayer({ kind: "nf4", lora: { r: 4, dropout: 0.3 } });
      const expected = run(layer, LENGTHS, "all");
      for (const saving of ["selected", "none"] as const) {
        assertSame(run(layer, LENGTHS, saving), expected, 1e-6, `saving ${saving}`);
      }
      disposeLayer(layer);
      clearWeightCache();
    });

    it("keeps packed sequences apart: together equals one by one", () => {
      const layer = randomLayer();
      const { hiddenSize } = GEOMETRY;
      tf.tidy(() => {
        const batch = packed(LENGTHS);
        const x = input(batch.positions.length);
        const options = { saving: "all", training: false } as const;
        const together = decoderLayer(x, layer, batch, options);
        const alone = LENGTHS.map((length, i) =>
          decoderLayer(tf.slice(x, [batch.cuSeqlens[i]!, 0], [length, hiddenSize]), layer, packed([length]), options),
        );
        assertNear(together, tf.concat(alone), 1e-6, "packed");
      });
      disposeLayer(layer);
      clearWeightCache();
    });

    it("agrees with finite differences in LoRA's parameters under dropout", () => {
      const layer = randomLayer({ lora: { r: 4, dropout: 0.4 } });
      const { gradients } = run(layer, LENGTHS, "none", true, 7);
      const loss = () => run(layer, LENGTHS, "all", true, 7).y.reduce((sum, y) => sum + Math.sin(y), 0);
      parameters(layer).forEach((parameter, i) => {
        const direction = values(parameter.size, 40 + i);
        const start = parameter.value.dataSync().slice() as Float32Array;
        const step = 2e-3;
        const move = (by: number) => {
          const moved = tf.tensor(
            start.map((v, j) => v + by * direction[j]!),
            parameter.shape,
          );
          parameter.value.assign(moved);
          moved.dispose();
        };
        move(step);
        const up = loss();
        move(-step);
        const down = loss();
        move(0);
        const slope = gradients[i]!.reduce((sum, g, j) => sum + g * direction[j]!, 0);
        const measured = (up - down) / (2 * step);
        assert.ok(Math.abs(slope - measured) < 2e-2 * Math.max(1, Math.abs(slope)), `${i}: ${slope} and ${measured}`);
      });
      disposeLayer(layer);
      clearWeightCache();
    });

    it("drops inputs of A in training only, by seed", () => {
      const layer = randomLayer({ lora: { r: 4, dropout: 0.5 } });
      const at = (training: boolean, seed: number) => run(layer, [6], "all", training, seed).y;
      assert.deepEqual(at(true, 1), at(true, 1));
      assert.notDeepEqual(at(true, 1), at(true, 2));
      assert.notDeepEqual(at(true, 1), at(false, 1));
      assert.deepEqual(at(false, 1), at(false, 2));
      disposeLayer(layer);
      clearWeightCache();
    });

    it("adds up gradients over passes", () => {
      const layer = randomLayer();
      const once = run(layer, LENGTHS, "all").gradients;
      tf.tidy(() => {
        const batch = packed(LENGTHS);
        tf.grad((x: tf.Tensor) =>
          tf.sum(tf.sin(decoderLayer(x as tf.Tensor2D, layer, batch, { saving: "all", training: true }))),
        )(input(batch.positions.length));
      });
      parameters(layer).forEach((parameter, i) => {
        const twice = once[i]!.map((value) => 2 * value);
        assertNear(parameter.grad!, twice, 1e-6, parameter.name);
      });
      disposeLayer(layer);
      clearWeightCache();
    });

    it("trains through frozen projections and layers without LoRA", () => {
      const layer = randomLayer({ lora: null });
      assertSame(run(layer, LENGTHS, "none"), runPlain(layer, LENGTHS), 1e-5, "frozen");
      disposeLayer(layer);
      clearWeightCache();
    });

    it("leaks no tensors", () => {
      const layer = randomLayer({ kind: "nf4" });
      run(layer, LENGTHS, "all");
      const before = tf.memory().numTensors;
      for (const saving of SAVINGS) run(layer, LENGTHS, saving);
      assert.equal(tf.memory().numTensors, before);
      disposeLayer(layer);
      clearWeightCache();
    });

    it("refuses shapes that do not fit", () => {
      const layer = randomLayer();
      const options = { saving: "all", training: false } as const;
      tf.tidy(() => {
        assert.throws(() => decoderLayer(tf.zeros([5, 7]), layer, packed([5]), options), /7 columns.*hiddenSize is 32/);
        assert.throws(() => decoderLayer(input(5), layer, packed([4]), options), /cuSeqlens must rise from 0 to the 5/);
      });
      disposeLayer(layer);
    });
  });
}
