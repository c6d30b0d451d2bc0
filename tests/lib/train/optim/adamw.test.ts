import assert from "node:assert/strict";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { SafetensorsFile } from "../../../../lib/formats/safetensors.js";
import { Parameter } from "../../../../lib/tensor/parameter.js";
import { clipFactor, gradientNorm } from "../../../../lib/train/optim/clip.js";
import { createOptimizer } from "../../../../lib/train/optim/create.js";
import type { OptimizerName } from "../../../../lib/train/trainingOptions.js";

const golden = SafetensorsFile.open(join(import.meta.dirname, "golden", "optimizers.safetensors"));
const OPTIONS = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };
const LEARNING_RATES = [1e-3, 2e-3, 5e-4];
const TENSORS = ["large", "ragged", "small"];

/** Three updates as golden/makeOptimizers.py does them. */
async function trainedAs(kind: OptimizerName) {
  const parameters = TENSORS.map((name) => {
    const initial = tf.tensor1d(golden.readFloat32(`${name}.start`));
    const parameter = new Parameter(name, initial);
    initial.dispose();
    return parameter;
  });
  const optimizer = createOptimizer(kind, parameters, OPTIONS);
  for (const [step, learningRate] of LEARNING_RATES.entries()) {
    for (const parameter of parameters) {
      parameter.zeroGrad();
      parameter.grad = tf.tensor1d(golden.readFloat32(`${parameter.name}.gradient.${step}`));
    }
    await optimizer.step(learningRate, 1);
  }
  const values = new Map(parameters.map((parameter) => [parameter.name, parameter.value.dataSync() as Float32Array]));
  return { optimizer, parameters, values };
}

/** torch's square root may be off by one unit in the last place: a unit for each update, of the value or the update. */
function assertClose(actual: Float32Array, expected: Float32Array): void {
  const update = LEARNING_RATES.reduce((sum, rate) => sum + rate, 0) * 4;
  for (const [i, value] of expected.entries()) {
    const tolerance = LEARNING_RATES.length * 2 ** -23 * Math.max(Math.abs(value), update);
    assert.ok(Math.abs(actual[i]! - value) <= tolerance, `element ${i}: ${actual[i]} instead of ${value}`);
  }
}

describe("AdamW", () => {
  for (const kind of ["adamw_8bit", "adamw_torch"] as const) {
    it(`${kind} has the states of its reference bit for bit, and its values to the last place`, async () => {
      const { optimizer, parameters, values } = await trainedAs(kind);
      const entries = await optimizer.stateEntries();
      assert.equal(entries.length, kind === "adamw_8bit" ? 10 : 6);
      for (const { name, data } of entries) {
        const [tensor, key] = name.split(".");
        assert.deepEqual(Buffer.from(data), Buffer.from(golden.read(`${kind}.${tensor}.after.${key}`)), name);
      }
      for (const name of TENSORS) {
        assertClose(values.get(name)!, golden.readFloat32(`${kind}.${name}.after.value`));
      }
      for (const parameter of parameters) parameter.dispose();
    });
  }

  it("holds a byte for each element and mean, and two scales a block", async () => {
    const { optimizer, parameters } = await trainedAs("adamw_8bit");
    assert.equal(optimizer.stateBytes, 2 * (4352 + 4100) + 2 * 4 * (17 + 17) + 2 * 4 * 800);
    for (const parameter of parameters) parameter.dispose();
  });

  it("leaves a parameter without a gradient as it is", async () => {
    const parameter = new Parameter("unused", tf.tensor1d([1, 2]));
    await createOptimizer("adamw_torch", [parameter], OPTIONS).step(0.1, 1);
    assert.deepEqual([...parameter.value.dataSync()], [1, 2]);
    parameter.dispose();
  });

  it("keeps no tensors behind", async () => {
    const before = tf.memory().numTensors;
    for (const parameter of (await trainedAs("adamw_8bit")).parameters) parameter.dispose();
    assert.equal(tf.memory().numTensors, before);
  });
});

describe("clipping", () => {
  it("takes the norm over all gradients together", async () => {
    const parameters = [new Parameter("a", tf.zeros([2])), new Parameter("b", tf.zeros([1]))];
    parameters[0]!.grad = tf.tensor1d([3, 0]);
    parameters[1]!.grad = tf.tensor1d([4]);
    assert.equal(await gradientNorm(parameters), 5);
    for (const parameter of parameters) parameter.dispose();
  });

  it("scales by max / (norm + 1e-6), never up, and not at all when it is off", () => {
    assert.equal(clipFactor(5, 1), Math.fround(1 / Math.fround(5 + 1e-6)));
    assert.equal(clipFactor(0.5, 1), 1);
    assert.equal(clipFactor(5, 0), 1);
  });
});
