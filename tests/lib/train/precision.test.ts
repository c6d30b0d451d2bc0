import assert from "node:assert/strict";
import { checkPrecision } from "../../../lib/train/precision.js";
import { SFTTrainer } from "../../../lib/train/sftTrainer.js";
import { TrainingArguments } from "../../../lib/train/trainingArguments.js";
import { BigramModel, sampleTexts, tokenizer } from "./bigramModel.js";

describe("checkPrecision", () => {
  const none = { fp16: false, bf16: false };

  it("refuses a half precision that is not the model's", () => {
    assert.throws(
      () => checkPrecision({ ...none, fp16: true }, { computeType: "bfloat16" }),
      /fp16 is true, but the model was loaded to be computed in bfloat16.*bf16: true, or load.*dtype: "float16"/,
    );
    assert.throws(
      () => checkPrecision({ ...none, bf16: true }, { computeType: "float16" }),
      /bf16 is true, but the model was loaded to be computed in float16.*fp16: true.*dtype: "bfloat16"/,
    );
  });

  it("takes the model's own, none, and either of them in float32", () => {
    checkPrecision({ ...none, fp16: true }, { computeType: "float16" });
    checkPrecision({ ...none, bf16: true }, { computeType: "bfloat16" });
    checkPrecision(none, { computeType: "float16" });
    for (const half of [{ fp16: true }, { bf16: true }]) {
      checkPrecision({ ...none, ...half }, { computeType: "float32" });
      checkPrecision({ ...none, ...half }, {});
    }
  });

  it("is what SFTTrainer asks first", () => {
    const model = Object.assign(new BigramModel(), { computeType: "float16" } as const);
    const args = new TrainingArguments({ bf16: true });
    assert.throws(() => new SFTTrainer({ model, tokenizer, trainDataset: sampleTexts(4), args }), /bf16 is true/);
    model.dispose();
  });
});
