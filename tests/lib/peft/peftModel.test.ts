import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { pack } from "../../../lib/models/causalLm.js";
import type { LoadedModel } from "../../../lib/models/loadedModel.js";
import { resolveLoraConfig } from "../../../lib/peft/loraConfig.js";
import { writeMerged } from "../../../lib/peft/merge.js";
import { PeftModel } from "../../../lib/peft/peftModel.js";
import { loadTinyModel, writeTinyModel } from "../models/tinyModel.js";

const SEQUENCES = [
  [5, 9, 12, 33, 2],
  [7, 8, 21, 2],
];

describe("a model with an adapter", () => {
  let folder: string;
  let base: LoadedModel;
  before(async () => {
    folder = await writeTinyModel();
  });
  beforeEach(async () => {
    base = await loadTinyModel(folder);
  });
  afterEach(() => base.dispose());
  after(() => rmSync(folder, { recursive: true }));

  async function logits(model: LoadedModel): Promise<Float32Array> {
    const packed = pack(SEQUENCES);
    const values = model.network.logits(packed.inputIds, packed);
    const data = (await values.data()) as Float32Array;
    values.dispose();
    return data;
  }

  /** One pass, then parameters moved against their gradients. */
  async function step(model: PeftModel): Promise<number> {
    const packed = pack(SEQUENCES);
    const loss = await model.forwardBackward({ ...packed, labels: packed.inputIds }, 7, { seed: 1 });
    for (const parameter of model.trainableParameters()) {
      const [value, grad] = [await parameter.value.data(), await parameter.grad!.data()];
      parameter.assign(Float32Array.from(value, (v, i) => v - 0.3 * (grad[i] as number)));
      parameter.zeroGrad();
    }
    return loss;
  }

  it("answers as the base model until it is trained, and trains", async () => {
    const before = await logits(base);
    const model = PeftModel.attach(base, resolveLoraConfig({ r: 4 }));
    assert.deepEqual(await logits(base), before);
    const first = await step(model);
    for (let i = 0; i < 8; i++) await step(model);
    assert.ok((await step(model)) < 0.9 * first);
    model.unload();
    assert.deepEqual(await logits(base), before, "the base model is untouched");
  });

  it("counts its parameters", () => {
    const model = PeftModel.attach(base, resolveLoraConfig({ r: 4, targetModules: ["q_proj", "down_proj"] }));
    const { trainable } = model.trainableCount();
    assert.equal(trainable, 2 * 4 * (64 + 64 + 128 + 64));
    model.unload();
  });

  it("limits the adapter to some layers", () => {
    const model = PeftModel.attach(base, resolveLoraConfig({ r: 4, layersToTransform: [1] }));
    assert.equal(base.network.layers[0]?.projections.q_proj.lora, null);
    assert.ok(base.network.layers[1]?.projections.q_proj.lora);
    model.unload();
    assert.throws(
      () => PeftModel.attach(base, resolveLoraConfig({ layersToTransform: [2] })),
      /layer 2; the model has 2/,
    );
  });

  it("saves and loads its adapter", async () => {
    const directory = join(folder, "adapter");
    const model = PeftModel.attach(base, resolveLoraConfig({ r: 4 }));
    await step(model);
    await step(model);
    const trained = await logits(base);
    await model.savePretrained(directory);
    const raw = JSON.parse(readFileSync(join(directory, "adapter_config.json"), "utf8"));
    assert.equal(raw.base_model_name_or_path, folder);
    model.unload();
    const back = await PeftModel.fromPretrained(base, directory);
    assert.deepEqual(await logits(base), trained);
    back.unload();
    const other = PeftModel.attach(base, resolveLoraConfig({ r: 8 }));
    await assert.rejects(other.loadAdapter(directory), /has shape \[4, 64\], the model's is \[8, 64\]/);
    other.unload();
  });

  it("refuses a second adapter", () => {
    const model = PeftModel.attach(base, resolveLoraConfig({ r: 4 }));
    assert.throws(() => PeftModel.attach(base, resolveLoraConfig({ r: 4 })), /carries an adapter already/);
    model.unload();
  });

  it("merges onto the dequantised or the original weights, in shards", async () => {
    const model = PeftModel.attach(base, resolveLoraConfig({ r: 4 }));
    await step(model);
    await step(model);
    const trained = await logits(base);
    for (const originalDirectory of [null, folder]) {
      const merged = join(folder, originalDirectory === null ? "merged" : "merged-original");
      await writeMerged(base.network, merged, { originalDirectory, maxShardBytes: 30_000, dtype: "BF16" });
      const reloaded = await loadTinyModel(merged, false);
      const values = await logits(reloaded);
      const error = Math.sqrt(
        values.reduce((sum, v, i) => sum + (v - trained[i]!) ** 2, 0) / trained.reduce((sum, v) => sum + v * v, 0),
      );
      if (originalDirectory === null) assert.ok(error < 0.02, `bf16 rounding moves the logits by ${error}`);
      else assert.ok(error > 0.02 && error < 0.5, `the original weights are not the quantised ones: ${error}`);
      reloaded.dispose();
    }
    model.unload();
  });

  it("keeps the number of tensors over steps, and frees all on unload", async () => {
    await logits(base); // Copies of the weights that a backend keeps are made here.
    const before = tf.memory().numTensors;
    const model = PeftModel.attach(base, resolveLoraConfig({ r: 4 }));
    await step(model);
    const during = tf.memory().numTensors;
    await step(model);
    assert.equal(tf.memory().numTensors, during);
    model.unload();
    assert.equal(tf.memory().numTensors, before);
  });
});
