import assert from "node:assert/strict";
import { TrainingArguments } from "../../../lib/train/trainingArguments.js";
import { DEFAULTS, ELSEWHERE, type TrainingOptions } from "../../../lib/train/trainingOptions.js";

/** Options as they come from a cell whose types were ignored. */
const make = (options: unknown) => new TrainingArguments(options as TrainingOptions);

describe("TrainingArguments", () => {
  it("takes the article's options as they are", () => {
    const args = new TrainingArguments({
      perDeviceTrainBatchSize: 2,
      gradientAccumulationSteps: 4,
      numTrainEpochs: 1,
      warmupRatio: 0.1,
      maxSteps: 60,
      learningRate: 2e-4,
      fp16: false,
      bf16: true,
      loggingSteps: 10,
      optim: "adamw_8bit",
      weightDecay: 0.01,
      lrSchedulerType: "linear",
      seed: 3407,
      outputDir: "outputs",
    });
    assert.equal(args.learningRate, 2e-4);
    assert.equal(args.maxGradNorm, 1);
    assert.equal(args.evalSteps, null);
  });

  it("has transformers' defaults", () => {
    const args = new TrainingArguments();
    assert.deepEqual({ ...args }, DEFAULTS);
    const { learningRate, numTrainEpochs, maxSteps, loggingSteps, saveSteps, seed } = args;
    assert.deepEqual(
      [learningRate, numTrainEpochs, maxSteps, loggingSteps, saveSteps, seed],
      [5e-5, 3, -1, 500, 500, 42],
    );
  });

  it("fills in what follows from other options", () => {
    assert.equal(new TrainingArguments({ evalStrategy: "steps", loggingSteps: 7 }).evalSteps, 7);
    const best = new TrainingArguments({ evalStrategy: "epoch", saveStrategy: "epoch", loadBestModelAtEnd: true });
    assert.deepEqual([best.metricForBestModel, best.greaterIsBetter], ["loss", false]);
  });

  const refusals: [string, unknown, RegExp][] = [
    ["a misspelt option", { learningrate: 1 }, /Unknown option "learningrate".*Did you mean "learningRate"\?/],
    ["Python's spelling", { warmup_ratio: 0.1 }, /Unknown option "warmup_ratio".*Did you mean "warmupRatio"\?/],
    ["an option that lives elsewhere", { gradient_checkpointing: true }, /getPeftModel\(\{ useGradientCheckpointing/],
    ["one of the trainer's options", { maxSeqLength: 2048 }, /SFTTrainer\(\{ maxSeqLength \}\)/],
    ["both half precisions", { fp16: true, bf16: true }, /fp16 and bf16 contradict each other/],
    ["an unknown optimizer", { optim: "adamw8bit" }, /Unknown optim "adamw8bit".*Did you mean "adamw_8bit"\?/],
    ["an unknown schedule", { lrSchedulerType: "cosin" }, /Unknown lrSchedulerType "cosin".*"cosine"/],
    ["a number of a schedule that takes none", { lrSchedulerKwargs: { power: 2 } }, /takes no lrSchedulerKwargs/],
    ["a fraction of a batch", { perDeviceTrainBatchSize: 1.5 }, /is 1\.5, but it must be a whole number of at least 1/],
    ["text for a number", { learningRate: "2e-4" }, /learningRate is "2e-4", but it must be a number/],
    ["a rate that is no number", { learningRate: Number.NaN }, /learningRate is (null|NaN), but it must be a number/],
    ["a warm-up beyond the run", { warmupRatio: 1.5 }, /warmupRatio is 1\.5, but it must be a number from 0 to 1/],
    ["a flag that is no flag", { bf16: "yes" }, /bf16 is "yes", but it must be true or false/],
    ["a service there is not", { reportTo: "wandb" }, /reportTo is "wandb".*trainer_state\.json/],
    ["noise in the embeddings", { neftuneNoiseAlpha: 5 }, /no option "neftuneNoiseAlpha".*loraDropout/],
    ["options by position", 60, /takes its options in an object, got 60/],
    ["the best of nothing", { loadBestModelAtEnd: true }, /cannot be found without evaluations/],
    [
      "checkpoints beside the evaluations",
      { loadBestModelAtEnd: true, evalStrategy: "steps", evalSteps: 20, saveSteps: 30 },
      /needs a checkpoint where there is an evaluation/,
    ],
  ];
  it("reports to nobody in transformers' forms of that", () => {
    assert.equal(make({ reportTo: [] }).reportTo, "none");
    assert.equal(make({ reportTo: ["none"] }).reportTo, "none");
  });

  it("has none of the options that it sends elsewhere", () => {
    for (const name of Object.keys(ELSEWHERE))
      assert.throws(() => make({ [name]: 1 }), /^TunelabError: There is no option/);
  });

  for (const [what, options, message] of refusals) {
    it(`refuses ${what}`, () => {
      assert.throws(() => make(options), message);
    });
  }
});
