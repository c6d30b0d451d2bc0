/** Gradient checkpointing as getPeftModel takes it: every choice computes the same, and memory that runs out is explained. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import * as tf from "@tensorflow/tfjs";
import { pack } from "../../../lib/models/causalLm.js";
import { FastLanguageModel } from "../../../lib/models/fastLanguageModel.js";
import type { LoadedModel } from "../../../lib/models/loadedModel.js";
import type { Checkpointing } from "../../../lib/models/passPlan.js";
import { resolveLoraConfig } from "../../../lib/peft/loraConfig.js";
import { PeftModel } from "../../../lib/peft/peftModel.js";
import { initBackend } from "../../../lib/tensor/backend.js";
import { tensorMemory } from "../../../lib/tensor/memory.js";
import { loadTinyModel, writeTinyModel } from "../models/tinyModel.js";
import { heldBytes, setLimit, setPinnable } from "../tensor/cuda/fakeCuda.js";
import { registerFakeCuda } from "../tensor/cuda/register.js";

const SEQUENCES = [
  [5, 9, 12, 33, 2],
  [7, 8, 21, 2],
];
const CHOICES: readonly Checkpointing[] = [false, true, "auto", "unsloth"];

describe("gradient checkpointing", () => {
  const wanted = process.env.TUNELAB_BACKEND;
  let folder: string;
  before(async () => {
    registerFakeCuda();
    folder = await writeTinyModel();
  });
  after(async () => {
    rmSync(folder, { recursive: true });
    if (wanted === undefined) delete process.env.TUNELAB_BACKEND;
    else process.env.TUNELAB_BACKEND = wanted;
    await initBackend();
  });

  const batch = () => {
    const packed = pack(SEQUENCES);
    return { ...packed, labels: packed.inputIds };
  };

  async function loaded(backend: string): Promise<LoadedModel> {
    process.env.TUNELAB_BACKEND = backend;
    const model = await loadTinyModel(folder);
    assert.equal(tf.getBackend(), backend);
    return model;
  }

  function attach(base: LoadedModel, useGradientCheckpointing: Checkpointing): PeftModel {
    return PeftModel.attach(base, resolveLoraConfig({ r: 4, loraDropout: 0.2, useGradientCheckpointing }));
  }

  async function pass(model: PeftModel) {
    const loss = await model.forwardBackward(batch(), 7, { seed: 1 });
    const gradients = model.trainableParameters().map(({ grad }) => [...grad!.dataSync()]);
    return { loss, gradients };
  }

  for (const backend of ["wasm", "cpu-native", "cuda"]) {
    it(`computes the same whatever is chosen, on ${backend}`, async () => {
      const base = await loaded(backend);
      let expected: Awaited<ReturnType<typeof pass>> | null = null;
      for (const choice of CHOICES) {
        const model = attach(base, choice);
        const result = await pass(model);
        expected ??= result;
        assert.deepEqual(result, expected, String(choice));
        model.unload();
      }
      base.dispose();
    });
  }

  it("has a plan that tells what is kept, until training ends", async () => {
    const base = await loaded("cpu-native");
    const model = attach(base, true);
    const kept = () => model.passPlan?.savings ?? null;
    assert.equal(kept(), null);
    const { tokensPerPass, summary } = model.planPasses({ tokens: 40, longest: 9, maxTokens: null });
    assert.equal(tokensPerPass, 40);
    assert.match(
      summary,
      /^with useGradientCheckpointing true, all 2 layers compute everything again; passes of up to 40 tokens/,
    );
    await pass(model);
    assert.deepEqual([kept(), model.passPlan?.tokensPerPass], [["none", "none"], 40]);
    model.endTraining();
    assert.equal(kept(), null);
    await pass(model);
    assert.equal(model.passPlan?.tokensPerPass, 9);
    base.dispose();
  });

  it("plans for memory of the GPU, with inputs and embedding in the host's where that saves some", async () => {
    const base = await loaded("cuda");
    const table = 4 * 96 * 64;
    const everything = attach(base, "auto");
    await pass(everything);
    assert.deepEqual([everything.passPlan?.savings, everything.passPlan?.inputs], [["all", "all"], "device"]);
    assert.equal(tensorMemory().gpu!.host, 0);
    everything.unload();

    const saver = attach(base, "unsloth");
    const before = heldBytes("weights");
    await pass(saver);
    assert.equal(saver.passPlan?.inputs, "host");
    assert.deepEqual([heldBytes("host"), heldBytes("weights")], [table, before - table]);
    const [answer] = await saver.generate({ inputIds: [[5, 9]], maxNewTokens: 3, eosTokenId: null, doSample: false });
    const onHost = await loaded("cpu-native");
    const plain = await onHost.generate({ inputIds: [[5, 9]], maxNewTokens: 3, eosTokenId: null, doSample: false });
    assert.deepEqual(answer, plain[0]);
    onHost.dispose();
    process.env.TUNELAB_BACKEND = "cuda";
    await initBackend("cuda");
    FastLanguageModel.forInference(saver);
    assert.equal(saver.passPlan, null);
    saver.dispose();
    assert.equal(heldBytes("host"), 0);
  });

  it("says what helps when the host has no memory to pin", async () => {
    const base = await loaded("cuda");
    const model = attach(base, "unsloth");
    const told = /host is out of memory that can be pinned[\s\S]*Set useGradientCheckpointing: true in getPeftModel/;
    setPinnable(false);
    await assert.rejects(pass(model), told);
    assert.throws(() => model.planPasses({ tokens: 9, longest: 5, maxTokens: null }), told);
    setPinnable(true);
    model.planPasses({ tokens: 9, longest: 5, maxTokens: null });
    setPinnable(false);
    const held = heldBytes("activations");
    await assert.rejects(pass(model), told);
    assert.equal(heldBytes("activations"), held);
    setPinnable(true);
    assert.ok(Number.isFinite((await pass(model)).loss));
    base.dispose();
  });

  it("explains memory that ran out in one error with a table, and goes on", async () => {
    const base = await loaded("cuda");
    const model = attach(base, false);
    const first = await pass(model);
    const held = heldBytes();
    for (const parameter of model.trainableParameters()) parameter.zeroGrad();
    setLimit(held + 3000);
    await assert.rejects(pass(model), (error: Error) => {
      assert.equal(error.name, "TunelabError");
      assert.match(error.message, /is out of memory[\s\S]*activations: [\s\S]*training over 9 tokens in 2 sequences/);
      for (const way of [
        'useGradientCheckpointing: "unsloth"',
        "maxTokensPerForward",
        "perDeviceTrainBatchSize",
        "maxSeqLength",
      ]) {
        assert.ok(error.message.includes(way), `${way} in ${error.message}`);
      }
      assert.ok(!error.message.includes("loadIn4bit"), "it is loaded in 4 bits already");
      return true;
    });
    assert.ok(heldBytes() <= held);
    setLimit(Number.POSITIVE_INFINITY);
    for (const parameter of model.trainableParameters()) parameter.zeroGrad();
    assert.deepEqual(await pass(model), first);
    const prompt = { inputIds: [[5, 9]], maxNewTokens: 3 };
    setLimit(heldBytes());
    await assert.rejects(
      model.generate(prompt),
      /out of memory[\s\S]*call of generate\. Give fewer or shorter prompts/,
    );
    setLimit(Number.POSITIVE_INFINITY);
    assert.equal((await model.generate(prompt)).length, 1);
    base.dispose();
  });
});
