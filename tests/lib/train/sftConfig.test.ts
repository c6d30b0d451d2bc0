import assert from "node:assert/strict";
import { inspect } from "node:util";
import { SFTConfig } from "../../../lib/train/sftConfig.js";
import { SFTTrainer } from "../../../lib/train/sftTrainer.js";
import { TrainingArguments } from "../../../lib/train/trainingArguments.js";
import { BigramModel, sampleTexts, tokenizer } from "./bigramModel.js";

const make = (options: object) => new SFTConfig(options);

describe("SFTConfig", () => {
  it("is TrainingArguments with what the trainer does with texts", () => {
    const config = new SFTConfig({ maxSteps: 5, maxLength: 64, packing: true, datasetTextField: "text" });
    assert.ok(config instanceof TrainingArguments);
    const { maxSteps, maxSeqLength, packing, datasetTextField, perDeviceTrainBatchSize } = config;
    assert.deepEqual(
      [maxSteps, maxSeqLength, packing, datasetTextField, perDeviceTrainBatchSize],
      [5, 64, true, "text", 8],
    );
    assert.deepEqual({ ...new SFTConfig() }, { ...new TrainingArguments() });
  });

  it("gives a trainer the examples that the trainer's own options would", () => {
    const model = new BigramModel();
    const trainDataset = sampleTexts(50);
    const count = (options: object) => {
      const trainer = new SFTTrainer({ model, tokenizer, trainDataset, ...options });
      return /^SFTTrainer \{ (\d+) examples/.exec(inspect(trainer))?.[1];
    };
    const own = count({ packing: true, maxSeqLength: 64 });
    assert.notEqual(own, "50");
    assert.equal(count({ args: new SFTConfig({ packing: true, maxLength: 64 }) }), own);
    assert.equal(count({ args: { packing: true, maxSeqLength: 64 } }), own);
    assert.equal(count({ packing: true, args: new SFTConfig({ maxSeqLength: 64 }) }), own);
    assert.throws(
      () => count({ packing: true, args: new SFTConfig({ packing: false }) }),
      /packing is true for SFTTrainer, but false in its args/,
    );
    model.dispose();
  });

  it("refuses what it does not know, and two lengths", () => {
    assert.throws(() => make({ maxstep: 5 }), /Unknown option "maxstep" of SFTConfig\. Did you mean "maxSteps"/);
    assert.throws(() => make({ neftune_noise_alpha: 5 }), /no option "neftune_noise_alpha" of SFTConfig/);
    assert.throws(() => make({ maxLength: 5, maxSeqLength: 6 }), /maxLength is 5 and maxSeqLength 6/);
    assert.throws(() => make({ learningRate: "x" }), /learningRate is "x"/);
  });
});
