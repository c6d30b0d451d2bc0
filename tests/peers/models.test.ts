/** Our logits, losses, gradients, generated tokens and files against transformers and PEFT on the same weights. */
import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { SafetensorsFile } from "../../lib/formats/safetensors.js";
import { pack } from "../../lib/models/causalLm.js";
import { loadNetwork, readConfig } from "../../lib/models/load.js";
import { LoadedModel } from "../../lib/models/loadedModel.js";
import { resolveLoraConfig } from "../../lib/peft/loraConfig.js";
import { writeMerged } from "../../lib/peft/merge.js";
import { PeftModel } from "../../lib/peft/peftModel.js";
import { createRandom } from "../../lib/random.js";
import { initBackend } from "../../lib/tensor/backend.js";
import { freshFolder, maxDifference, readRows, reference, relativeError } from "./reference.js";

const PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

describe("against transformers and PEFT", function () {
  this.timeout(240_000);
  let folder: string;

  before(async () => {
    await initBackend();
    folder = freshFolder();
    reference("make_model", folder);
  });
  after(() => rmSync(folder, { recursive: true }));

  async function loadModel(name = "model"): Promise<LoadedModel> {
    const directory = join(folder, name);
    const network = await loadNetwork(directory, await readConfig(directory), { loadIn4bit: false });
    return new LoadedModel(network, { requested: directory, kind: "folder", directory }, 128, false, null);
  }

  /** A model with an adapter whose B is not zero, so that every gradient is. */
  async function adapted(): Promise<PeftModel> {
    const config = resolveLoraConfig({ r: 4, targetModules: PROJECTIONS, loraAlpha: 8, randomState: 7 });
    const model = PeftModel.attach(await loadModel(), config);
    const random = createRandom(1);
    for (const parameter of model.trainableParameters()) {
      parameter.assign(Float32Array.from({ length: parameter.size }, () => (random.next() - 0.5) * 0.2));
    }
    return model;
  }

  function readAll(file: string): (name: string) => Float32Array {
    const source = SafetensorsFile.open(join(folder, file));
    return (name) => source.readFloat32(name);
  }

  /** Rows laid end to end, every token a label. */
  function batch() {
    const packed = pack(readRows(folder));
    return { ...packed, labels: packed.inputIds };
  }

  const targets = () => readRows(folder).reduce((sum, row) => sum + row.length - 1, 0);

  it("logits and loss are transformers' within 1e-4", async () => {
    reference("forward", folder);
    const expected = readAll("forward.safetensors");
    const model = await loadModel();
    const logits = model.network.logits(batch().inputIds, batch());
    assert.ok(maxDifference(await logits.data(), expected("logits")) < 1e-4);
    const loss = (await model.network.lossSum(batch())) / targets();
    assert.ok(Math.abs(loss - (expected("loss")[0] as number)) < 1e-4);
    logits.dispose();
    model.dispose();
  });

  it("greedy tokens are transformers', in a batch with left padding as one by one", async () => {
    reference("greedy", folder);
    const expected: number[][] = JSON.parse(readFileSync(join(folder, "greedy.json"), "utf8"));
    const model = await loadModel();
    const rows = readRows(folder);
    const options = { maxNewTokens: 24, eosTokenId: null, padTokenId: 0 };
    for (const [i, row] of rows.entries()) {
      assert.deepEqual(await model.generate({ inputIds: [row], ...options }), [expected[i]]);
      assert.deepEqual(await model.generate({ inputIds: [row], useCache: false, ...options }), [expected[i]]);
    }
    const longest = Math.max(...rows.map((row) => row.length));
    const padding = rows.map((row) => new Array<number>(longest - row.length).fill(0));
    const together = await model.generate({
      inputIds: rows.map((row, i) => [...(padding[i] as number[]), ...row]),
      attentionMask: rows.map((row, i) => [...(padding[i] as number[]), ...row.map(() => 1)]),
      ...options,
    });
    assert.deepEqual(
      together.map((row, i) => row.slice(padding[i]?.length)),
      expected,
    );
    model.dispose();
  });

  for (const useGradientCheckpointing of [false, true]) {
    it(`LoRA gradients are PEFT's within 1e-3 (recomputing: ${useGradientCheckpointing})`, async () => {
      const model = await adapted();
      Object.assign(model.peftConfig, { useGradientCheckpointing });
      await model.savePretrained(join(folder, "adapter"));
      reference("lora", folder);
      const expected = readAll("lora.safetensors");
      const loss = await model.forwardBackward(batch(), targets(), { seed: 1 });
      assert.ok(Math.abs(loss - (expected("loss")[0] as number)) < 1e-4, `loss ${loss}`);
      for (const parameter of model.trainableParameters()) {
        const error = relativeError((await parameter.grad?.data()) ?? [], expected(`grad.${parameter.name}`));
        assert.ok(error < 1e-3, `${parameter.name}: relative error ${error}`);
      }
      model.dispose();
    });
  }

  it("PEFT loads the adapter and gives our logits", async () => {
    const model = await adapted();
    await model.savePretrained(join(folder, "adapter"));
    reference("lora", folder);
    const logits = model.network.logits(batch().inputIds, batch());
    assert.ok(maxDifference(await logits.data(), readAll("lora.safetensors")("logits")) < 1e-4);
    logits.dispose();
    model.dispose();
  });

  it("transformers loads the merged checkpoint and gives our logits of it", async () => {
    const model = await adapted();
    const merged = join(folder, "merged");
    await writeMerged(model.network, merged, { originalDirectory: null, maxShardBytes: 40_000, dtype: "BF16" });
    reference("merged", folder);
    const expected = readAll("merged.safetensors")("logits");
    const reloaded = await loadModel("merged");
    const logits = reloaded.network.logits(batch().inputIds, batch());
    assert.ok(maxDifference(await logits.data(), expected) < 1e-4);
    const unmerged = model.network.logits(batch().inputIds, batch());
    assert.ok(relativeError(await unmerged.data(), expected) < 2e-2, "bf16 rounding moves the logits by 2 % at most");
    for (const tensor of [logits, unmerged]) tensor.dispose();
    for (const each of [model, reloaded]) each.dispose();
  });
});
