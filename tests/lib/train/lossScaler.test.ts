/** Loss scaling: the scale's rise and fall, and training with it. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DisplayBundle } from "../../../lib/charts/display.js";
import type { TrainerCallback } from "../../../lib/train/callbacks.js";
import { LossScaler } from "../../../lib/train/lossScaler.js";
import { SFTTrainer } from "../../../lib/train/sftTrainer.js";
import { TrainingDiverged } from "../../../lib/train/stopped.js";
import { TrainingArguments } from "../../../lib/train/trainingArguments.js";
import type { TrainingOptions } from "../../../lib/train/trainingOptions.js";
import { BigramModel, sampleTexts, tokenizer } from "./bigramModel.js";

describe("LossScaler", () => {
  // torch.amp.GradScaler's: init_scale, growth_factor, backoff_factor, growth_interval.
  it("starts at 65,536, doubles after 2,000 good updates in a row, and halves at an overflow", () => {
    const scaler = new LossScaler();
    assert.equal(scaler.scale, 65_536);
    for (let i = 0; i < 1999; i++) scaler.succeed();
    assert.equal(scaler.scale, 65_536);
    scaler.succeed();
    assert.deepEqual(scaler.state, { scale: 131_072, goodSteps: 0 });
    for (let i = 0; i < 1500; i++) scaler.succeed();
    assert.ok(scaler.backOff());
    assert.deepEqual(scaler.state, { scale: 65_536, goodSteps: 0 });
  });

  it("goes on from a state, never beyond float32, and ends at 1", () => {
    const large = new LossScaler({ scale: 2 ** 127, goodSteps: 1999 });
    large.succeed();
    assert.deepEqual(large.state, { scale: 2 ** 127, goodSteps: 0 });
    const small = new LossScaler({ scale: 2, goodSteps: 7 });
    assert.deepEqual([small.backOff(), small.scale, small.backOff(), small.scale], [true, 1, false, 1]);
  });
});

describe("training in float16", () => {
  const folders: string[] = [];
  const warn = console.warn;
  let warnings: string[] = [];
  beforeEach(() => {
    warnings = [];
    // tfjs greets its first user with a warning too.
    console.warn = (line: string) => void (line.startsWith("Step") && warnings.push(line));
  });
  afterEach(() => {
    console.warn = warn;
  });
  after(() => {
    for (const folder of folders) rmSync(folder, { recursive: true });
  });

  const outputDir = () => {
    folders.push(mkdtempSync(join(tmpdir(), "tunelab-scale-")));
    return folders.at(-1)!;
  };
  const trainerFor = (model: BigramModel, args: TrainingOptions, callbacks: TrainerCallback[] = []) =>
    new SFTTrainer({
      model,
      tokenizer,
      trainDataset: sampleTexts(50),
      args: new TrainingArguments({
        disableTqdm: true,
        saveStrategy: "no",
        perDeviceTrainBatchSize: 2,
        gradientAccumulationSteps: 2,
        maxTokensPerForward: 60,
        learningRate: 0.05,
        warmupSteps: 3,
        maxSteps: 8,
        loggingSteps: 1,
        maxGradNorm: 0.5,
        ...args,
      }),
      callbacks,
    });
  const half = (part: Partial<BigramModel> = {}) =>
    Object.assign(new BigramModel(40, 0.2), { computeType: "float16", ...part } as const);
  const train = async (
    model: BigramModel,
    args: TrainingOptions = {},
    resumeFromCheckpoint: string | boolean = false,
  ) => {
    const trainer = trainerFor(model, args);
    const output = await trainer.train({ resumeFromCheckpoint });
    const values = model.values();
    model.dispose();
    const records = trainer.state.logHistory.filter(({ learning_rate: rate }) => rate !== undefined);
    return { trainer, output, values, records };
  };

  for (const optim of ["adamw_8bit", "adamw_torch"] as const)
    it(`is the training in float32, norms and clipping included, where nothing overflows: ${optim}`, async () => {
      const plain = await train(new BigramModel(40, 0.2), { optim });
      const scaled = await train(half(), { optim, fp16: true });
      assert.deepEqual(scaled.values, plain.values);
      assert.ok(plain.records.some(({ grad_norm: norm }) => norm! > 0.5));
      assert.deepEqual(
        scaled.records,
        plain.records.map((record) => ({ ...record, loss_scale: 65_536 })),
      );
      assert.deepEqual(warnings, []);
    });

  it("skips what overflows, in parameters, optimizer and schedule, and says so", async () => {
    const start = new BigramModel(40, 0.2).values();
    const seen: unknown[] = [];
    const model = half({ largestScale: 2 ** 14 });
    const observer: TrainerCallback = {
      onStepEnd: ({ step, state }) => {
        if (state.globalStep === 2) assert.deepEqual(model.values(), start);
        seen.push([step.skipped, step.lossScale, Number.isFinite(step.gradNorm), Number.isFinite(step.loss)]);
      },
    };
    const args: TrainingOptions = { maxSteps: 6, saveStrategy: "steps", saveSteps: 6, outputDir: outputDir() };
    const trainer = trainerFor(model, args, [observer]);
    await trainer.train();
    assert.notDeepEqual(model.values(), start);
    model.dispose();
    assert.deepEqual(seen, [
      [true, 65_536, false, true],
      [true, 32_768, false, true],
      ...new Array(4).fill([false, 16_384, true, true]),
    ]);
    const rates = trainer.state.logHistory.slice(0, 6).map(({ learning_rate: rate }) => rate);
    const schedule = (await train(new BigramModel(), { maxSteps: 6 })).records.map(({ learning_rate: rate }) => rate);
    assert.deepEqual(rates, [schedule[0], schedule[0], ...schedule.slice(0, 4)]);
    assert.deepEqual(warnings, [
      "Step 1 was skipped: its gradients overflowed float16. The loss scale was 65536 and is 32768 now.",
      "Step 2 was skipped: its gradients overflowed float16. The loss scale was 32768 and is 16384 now.",
    ]);
    const progress = JSON.parse(readFileSync(join(trainer.args.outputDir, "checkpoint-6", "progress.json"), "utf8"));
    assert.deepEqual(progress.lossScale, { scale: 16_384, goodSteps: 4 });
    assert.equal(progress.optimizerSteps, 4);
  });

  it("resumes with the scale that it had", async () => {
    const args = { saveStrategy: "steps", saveSteps: 3, outputDir: outputDir() } as const;
    const overflowing = () => half({ largestScale: 2 ** 14 });
    const whole = await train(overflowing(), args);
    warnings = [];
    const resumed = await train(overflowing(), args, join(args.outputDir, "checkpoint-3"));
    assert.deepEqual(warnings, []);
    assert.deepEqual(resumed.values, whole.values);
    assert.deepEqual(resumed.records, whole.records);
    assert.ok(!Number.isFinite(resumed.records[0]!.grad_norm));
    assert.equal(resumed.output.trainingLoss, whole.output.trainingLoss);
  });

  it("leaves the loss of a step whose activations overflow out of the means", async () => {
    const { records, output } = await train(half({ breakAtPass: 3 }), { maxTokensPerForward: 8192, maxSteps: 6 });
    const losses = records.map(({ loss }) => loss!);
    assert.deepEqual(
      losses.map(Number.isFinite),
      [0, 1, 2, 3, 4, 5].map((i) => i !== 3),
    );
    const mean = losses.filter(Number.isFinite).reduce((a, b) => a + b) / 5;
    assert.ok(Math.abs(output.trainingLoss - mean) < 1e-4);
    assert.match(warnings[0]!, /^Step 4 was skipped: its activations overflowed float16/);
    const together = await train(half({ breakAtPass: 3 }), { maxTokensPerForward: 8192, maxSteps: 6, loggingSteps: 6 });
    assert.ok(Math.abs(together.records[0]!.loss! - mean) < 1e-4);
  });

  it("draws a chart over steps without a loss", async () => {
    const key = Symbol.for("tunelab.display");
    const shown: DisplayBundle[] = [];
    Object.assign(globalThis, { [key]: (bundle: DisplayBundle) => void shown.push(bundle) });
    try {
      await train(half({ breakAtPass: 1 }), { maxTokensPerForward: 8192, disableTqdm: false, maxSteps: 3 });
      assert.match(String(shown.at(-1)!.data["text/plain"]), /3 of 3.*loss \d/);
      assert.doesNotMatch(JSON.stringify(shown.at(-1)), /NaN|null/);
    } finally {
      delete (globalThis as Record<symbol, unknown>)[key];
    }
  });

  it("ends when not even the smallest scale helps", async () => {
    const model = half({ largestScale: 0.5 });
    const start = model.values();
    const trainer = trainerFor(model, { maxSteps: 30, outputDir: outputDir() });
    await assert.rejects(trainer.train(), (error: unknown) => {
      assert.ok(error instanceof TrainingDiverged);
      assert.match(
        error.message,
        /^The gradients overflowed float16, with the smallest loss scale \(1\), at step 17, so training.*checkpoint-16.*dtype: "bfloat16"/,
      );
      return true;
    });
    assert.equal(warnings.length, 16);
    assert.deepEqual(model.values(), start);
    model.dispose();
  });
});
