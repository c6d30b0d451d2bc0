import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ARTICLE_MODEL, EMBEDDED_MODEL } from "../../../lib/embedded.js";
import { FastLanguageModel } from "../../../lib/models/fastLanguageModel.js";
import { PeftModel } from "../../../lib/peft/peftModel.js";

const PROMPT = "The patient has";

describe("FastLanguageModel", () => {
  const folder = mkdtempSync(join(tmpdir(), "tunelab-model-"));
  after(() => rmSync(folder, { recursive: true }));

  it("loads the embedded model for the article's name on the embedded profile", async () => {
    process.env.TUNELAB_PROFILE = "embedded";
    const { model, tokenizer } = await FastLanguageModel.fromPretrained({ modelName: ARTICLE_MODEL });
    assert.equal(model.source.kind, "embedded");
    assert.equal(model.numParameters(), 3_174_720);
    assert.equal(tokenizer.eosTokenId, model.config.eosTokenIds[0]);
    const [row] = await model.generate({ ...tokenizer([PROMPT]), maxNewTokens: 5 });
    assert.ok(tokenizer.decode(row!).startsWith(PROMPT));
    model.dispose();
  });

  it("refuses what is no model, and options that it would not keep to", async () => {
    const load = (options: unknown) => FastLanguageModel.fromPretrained(options as { modelName: string });
    await assert.rejects(load("qwen"), /takes its options in an object, got "qwen"\. Write \{ modelName: … \}/);
    await assert.rejects(load({ modelName: EMBEDDED_MODEL, loadIn4bit: "yes" }), /loadIn4bit is "yes"/);
    await assert.rejects(
      load({ modelName: EMBEDDED_MODEL, device_map: "auto" }),
      /no option "device_map".*tf\.setBackend/,
    );
    assert.throws(() => FastLanguageModel.forInference({} as never), /forInference takes a model, got an object/);
    assert.throws(() => FastLanguageModel.forTraining(undefined as never), /forTraining takes a model, got undefined/);
    await assert.rejects(FastLanguageModel.getPeftModel({} as never), /getPeftModel takes a model, got an object/);
  });

  it("loads a saved adapter together with the base model that it names", async () => {
    const { model, tokenizer } = await FastLanguageModel.fromPretrained({ modelName: EMBEDDED_MODEL });
    const peft = await FastLanguageModel.getPeftModel(model, { r: 4, targetModules: ["q_proj"] });
    for (const parameter of peft.trainableParameters()) {
      parameter.assign(Float32Array.from({ length: parameter.size }, (_, i) => Math.sin(i) / 10));
    }
    const directory = join(folder, "adapter");
    await peft.savePretrained(directory);
    const prompt = { ...tokenizer([PROMPT]), maxNewTokens: 12 };
    const expected = await peft.generate(prompt);
    peft.dispose();
    const { model: reloaded } = await FastLanguageModel.fromPretrained({ modelName: directory });
    assert.ok(reloaded instanceof PeftModel);
    assert.equal(reloaded.peftConfig.r, 4);
    assert.deepEqual(await reloaded.generate(prompt), expected);
    await assert.rejects(FastLanguageModel.getPeftModel(reloaded), /carries an adapter already/);
    reloaded.dispose();
  });

  it("saves a merged checkpoint with its tokenizer, or the adapter alone", async () => {
    const { model, tokenizer } = await FastLanguageModel.fromPretrained({ modelName: EMBEDDED_MODEL });
    const peft = await FastLanguageModel.getPeftModel(model);
    await peft.savePretrainedMerged(join(folder, "merged"), tokenizer, { saveMethod: "merged_16bit" });
    await peft.savePretrainedMerged(join(folder, "lora"), tokenizer, { saveMethod: "lora" });
    await assert.rejects(
      peft.savePretrainedMerged(join(folder, "x"), tokenizer, { saveMethod: "merged_4bit" as never }),
      /Unknown saveMethod "merged_4bit".*"merged_16bit"/,
    );
    peft.dispose();
    for (const name of ["merged", "lora"]) {
      const again = await FastLanguageModel.fromPretrained({ modelName: join(folder, name), loadIn4bit: false });
      assert.equal(again.model instanceof PeftModel, name === "lora");
      again.model.dispose();
    }
  });

  for (const [options, message] of [
    [{ modelName: EMBEDDED_MODEL, maxSeqLenght: 64 }, /"maxSeqLenght" of fromPretrained.*"maxSeqLength"/],
    [{ modelName: EMBEDDED_MODEL, maxSeqLength: 4096 }, /maxSeqLength is 4096; the model has positions for 1 to 2048/],
    [{ modelName: EMBEDDED_MODEL, dtype: "float8" }, /dtype "float8"/],
    [{ modelName: EMBEDDED_MODEL, dtype: "float16" }, /dtype "float16" is not computed on the backend/],
    [{ modelName: "./no-such-folder" }, /There is no folder .*no-such-folder/],
    [{ modelName: tmpdir() }, /holds neither config\.json nor adapter_config\.json/],
    [{ modelName: "" }, /needs a modelName/],
  ] as const) {
    it(`refuses ${JSON.stringify(options)}`, async () => {
      await assert.rejects(FastLanguageModel.fromPretrained(options as never), message);
    });
  }
});
