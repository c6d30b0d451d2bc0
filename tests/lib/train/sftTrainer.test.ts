import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import type { DisplayBundle } from "../../../lib/charts/display.js";
import type { PackedBatch } from "../../../lib/tensor/layers.js";
import { ConsoleProgress } from "../../../lib/train/consoleProgress.js";
import { EarlyStoppingCallback } from "../../../lib/train/earlyStopping.js";
import { SFTTrainer, type SFTTrainerOptions } from "../../../lib/train/sftTrainer.js";
import { TrainingDiverged, TrainingInterrupted } from "../../../lib/train/stopped.js";
import type { PassBudget, TrainingLoad } from "../../../lib/train/trainable.js";
import { TrainingArguments } from "../../../lib/train/trainingArguments.js";
import type { TrainingOptions } from "../../../lib/train/trainingOptions.js";
import { BigramModel, sampleTexts, tokenizer, VOCAB } from "./bigramModel.js";

const folders: string[] = [];
function outputDir(): string {
  const folder = mkdtempSync(join(tmpdir(), "tunelab-train-"));
  folders.push(folder);
  return folder;
}

const QUIET: TrainingOptions = {
  disableTqdm: true,
  saveStrategy: "no",
  perDeviceTrainBatchSize: 2,
  gradientAccumulationSteps: 4,
  learningRate: 0.05,
  optim: "adamw_8bit",
  loggingSteps: 5,
};

function trainerFor(model: BigramModel, args: TrainingOptions = {}, more: Partial<SFTTrainerOptions> = {}): SFTTrainer {
  return new SFTTrainer({
    model,
    tokenizer,
    trainDataset: sampleTexts(50),
    args: new TrainingArguments({ ...QUIET, ...args }),
    ...more,
  });
}

/** Trains a fresh model and gives back everything there is to compare. */
async function trained(args: TrainingOptions, model = new BigramModel(), more: Partial<SFTTrainerOptions> = {}) {
  const trainer = trainerFor(model, args, more);
  const output = await trainer.train();
  const result = { output, trainer, values: model.values(), passes: model.passes };
  model.dispose();
  return result;
}

const losses = (trainer: SFTTrainer) =>
  trainer.state.logHistory.flatMap(({ loss }) => (loss === undefined ? [] : [loss]));

describe("SFTTrainer", () => {
  after(() => {
    for (const folder of folders) rmSync(folder, { recursive: true });
  });

  it("takes plain options, and refuses what it would not train or keep to", () => {
    const model = new BigramModel();
    const make = (more: object) => new SFTTrainer({ model, tokenizer, trainDataset: sampleTexts(5), ...more });
    assert.equal(make({ args: { maxSteps: 7 } }).args.maxSteps, 7);
    assert.throws(() => make({ args: { pushToHub: true } }), /no option "pushToHub" of SFTConfig/);
    assert.throws(() => make({ model: "qwen" }), /SFTTrainer cannot train "qwen".*getPeftModel/);
    assert.throws(() => make({ packing: "yes" }), /packing is "yes"/);
    assert.throws(() => make({ peft_config: {} }), /no option "peft_config" of SFTTrainer\. Attach the adapter before/);
    assert.throws(
      () => make({ maxSeqLength: 1e6 }),
      /maxSeqLength is 1000000, but the model has positions for \d+ tokens/,
    );
    assert.throws(() => make({ formattingFunc: () => ["a"] }), /formattingFunc returned an array, not text/);
    model.dispose();
  });

  it("says before the first step that it cannot write to outputDir", async () => {
    const file = join(outputDir(), "file");
    writeFileSync(file, "");
    const model = new BigramModel();
    const training = trainerFor(model, { saveStrategy: "steps", outputDir: join(file, "out") }).train();
    await assert.rejects(
      training,
      /out cannot be written: a part of this path is a file, not a folder\. Write to another/,
    );
    assert.equal(model.passes.length, 0);
    model.dispose();
  });

  it("learns: the loss falls towards the entropy of the texts", async () => {
    const { trainer, output } = await trained({ maxSteps: 60, warmupRatio: 0.1, weightDecay: 0.01, learningRate: 0.1 });
    const all = losses(trainer);
    assert.equal(all.length, 12);
    assert.ok(all[0]! > 3, `first loss ${all[0]}`);
    assert.ok(all.at(-1)! < 0.8, `last loss ${all.at(-1)}`);
    assert.equal(output.globalStep, 60);
    assert.ok(output.trainingLoss > all.at(-1)! && output.trainingLoss < all[0]!);
  });

  it("logs and counts as transformers does", async () => {
    const args = { maxSteps: 10, loggingSteps: 4, loggingFirstStep: true, warmupSteps: 4 };
    const { trainer, output } = await trained(args);
    const { state } = trainer;
    // 50 examples are 25 batches, 7 updates an epoch: the seventh has one batch only.
    assert.deepEqual(
      state.logHistory.map(({ step }) => step),
      [1, 4, 8, 10],
    );
    assert.deepEqual(Object.keys(state.logHistory[0]!), ["loss", "grad_norm", "learning_rate", "epoch", "step"]);
    assert.deepEqual(
      state.logHistory.slice(0, 3).map((record) => record.learning_rate),
      [0, 0.05 * (3 / 4), 0.05 * ((10 - 7) / (10 - 4))],
    );
    assert.deepEqual(
      state.logHistory.map(({ epoch }) => epoch),
      [4 / 25, 16 / 25, 1 + 4 / 25, 1 + 12 / 25],
    );
    assert.deepEqual(Object.keys(output.metrics), [
      "train_runtime",
      "train_samples_per_second",
      "train_steps_per_second",
      "train_tokens_per_second",
      "total_flos",
      "train_loss",
      "epoch",
    ]);
    assert.equal(state.numTrainEpochs, 2);
    assert.ok(output.metrics.train_tokens_per_second > 0 && output.metrics.total_flos > 0);
  });

  it("sees every example once an epoch, in another order each time", async () => {
    const texts = Array.from({ length: 11 }, (_, index) => ({ text: "ab".repeat(index + 2) }));
    const { passes } = await trained({ numTrainEpochs: 2, gradientAccumulationSteps: 1 }, new BigramModel(), {
      trainDataset: texts,
    });
    const all = texts.reduce((sum, { text }) => sum + text.length, 0);
    assert.equal(passes.length, 12);
    const epochs = [passes.slice(0, 6), passes.slice(6)];
    for (const epoch of epochs)
      assert.equal(
        epoch.reduce((sum, tokens) => sum + tokens),
        all,
      );
    assert.notDeepEqual(epochs[0], epochs[1]);
  });

  it("is the same training however batches, accumulation and passes divide the examples of a step", async () => {
    const runs = [
      { perDeviceTrainBatchSize: 8, gradientAccumulationSteps: 1 },
      { perDeviceTrainBatchSize: 2, gradientAccumulationSteps: 4 },
      { perDeviceTrainBatchSize: 1, gradientAccumulationSteps: 8, maxTokensPerForward: 40 },
    ];
    const results = await Promise.all(runs.map((run) => trained({ ...run, maxSteps: 6, loggingSteps: 1 })));
    const [first, ...others] = results.map(({ trainer }) => losses(trainer));
    assert.ok(results[2]!.passes.length > 12);
    for (const other of others) {
      for (const [i, loss] of other.entries()) assert.ok(Math.abs(loss - first![i]!) <= 2e-4, `${loss} ${first![i]}`);
    }
  });

  it("asks the model once how memory divides its steps, keeps to the answer, and says it", async () => {
    const loads: TrainingLoad[] = [];
    const lines: string[] = [];
    const evaluated: number[] = [];
    let ended = 0;
    class Planned extends BigramModel {
      planPasses(load: TrainingLoad): PassBudget {
        loads.push(load);
        return { tokensPerPass: Math.ceil(load.tokens / 2), summary: "halves." };
      }
      endTraining(): void {
        ended++;
      }
      override evaluateLoss(batch: PackedBatch) {
        evaluated.push(batch.inputIds.length);
        return super.evaluateLoss(batch);
      }
    }
    const evaluation = { evalStrategy: "steps", evalSteps: 12, perDeviceEvalBatchSize: 30 } as const;
    const { passes, trainer } = await trained({ maxSteps: 12, ...evaluation }, new Planned(), {
      evalDataset: sampleTexts(30),
      callbacks: [new ConsoleProgress((line) => void lines.push(line))],
    });
    const whole = await trained({ maxSteps: 12 });
    const [load] = loads;
    assert.deepEqual([loads.length, ended, lines[1]], [1, 1, "Memory: halves."]);
    assert.deepEqual(load, {
      tokens: Math.max(...whole.passes),
      longest: Math.max(...sampleTexts(50).map(({ text }) => text.length)),
      maxTokens: null,
    });
    const most = Math.ceil(load!.tokens / 2);
    assert.ok(passes.length > 12 && Math.max(...passes) <= most);
    assert.ok(evaluated.length > 1 && Math.max(...evaluated) <= most, evaluated.join());
    losses(trainer).forEach((loss, i) => {
      assert.ok(Math.abs(loss - losses(whole.trainer)[i]!) <= 2e-4);
    });
  });

  it("divides by predicted tokens, or by labels as transformers counts", async () => {
    const shifted = await trained({ maxSteps: 1, loggingSteps: 1, perDeviceTrainBatchSize: 50 });
    const unshifted = await trained({
      maxSteps: 1,
      loggingSteps: 1,
      perDeviceTrainBatchSize: 50,
      numItemsInBatch: "unshifted",
    });
    const tokens = sampleTexts(50).reduce((sum, { text }) => sum + text.length, 0);
    const ratio = losses(unshifted.trainer)[0]! / losses(shifted.trainer)[0]!;
    assert.ok(Math.abs(ratio - (tokens - 50) / tokens) < 1e-4);
  });

  it("starts near the loss of guessing and evaluates to the exact mean over tokens", async () => {
    const model = new BigramModel();
    const trainer = trainerFor(model, { perDeviceEvalBatchSize: 3 }, { evalDataset: sampleTexts(10, 8) });
    const small = await trainer.evaluate();
    const { eval_loss: whole } = await trainerFor(model, {}, { evalDataset: sampleTexts(10, 8) }).evaluate();
    assert.ok(Math.abs(small.eval_loss - whole) < 1e-5);
    assert.ok(Math.abs(small.eval_loss - Math.log(VOCAB)) < 0.5);
    assert.equal(trainer.state.logHistory.length, 1);
    model.dispose();
  });

  it("keeps memory flat over steps", async () => {
    const model = new BigramModel();
    const counts: number[] = [];
    const callbacks = [{ onStepEnd: () => void counts.push(tf.memory().numTensors) }];
    await trained({ maxSteps: 12 }, model, { callbacks });
    assert.deepEqual(counts, new Array(12).fill(counts[0]));
  });

  it("calls the hooks in order and obeys the control", async () => {
    const heard: string[] = [];
    const { trainer } = await trained({ maxSteps: 20, loggingSteps: 2 }, new BigramModel(), {
      callbacks: [
        {
          onTrainBegin: () => void heard.push("begin"),
          onStepEnd: ({ state, control, step }) => {
            assert.ok(step.tokens > 0 && step.tokensPerSecond > 0 && step.etaSeconds >= 0);
            heard.push(`step ${state.globalStep}`);
            if (state.globalStep === 3) control.shouldTrainingStop = true;
          },
          onLog: ({ logs }) => void heard.push(logs.loss === undefined ? "summary" : "log"),
          onTrainEnd: ({ outcome }) => void heard.push(outcome),
        },
      ],
    });
    assert.deepEqual(heard, ["begin", "step 1", "step 2", "log", "step 3", "summary", "finished"]);
    assert.equal(trainer.state.globalStep, 3);
  });

  it("packs short texts into rows without changing what is learnt from", async () => {
    const { passes } = await trained({ numTrainEpochs: 1, gradientAccumulationSteps: 1 }, new BigramModel(), {
      packing: true,
      maxSeqLength: 64,
    });
    const tokens = sampleTexts(50).reduce((sum, { text }) => sum + text.length, 0);
    assert.equal(
      passes.reduce((sum, pass) => sum + pass),
      tokens,
    );
    assert.ok(passes.length < 18);
  });
});

describe("stopping", () => {
  it("stops at the step's end on Ctrl-C, keeps the state, and goes on to the same end", async () => {
    const args: TrainingOptions = { maxSteps: 12, outputDir: outputDir(), seed: 5, loggingSteps: 3 };
    const whole = await trained({ ...args, outputDir: outputDir() }, new BigramModel(40, 0.2));
    const model = new BigramModel(40, 0.2);
    const interruptAt = (step: number) => ({
      onStepEnd: ({ state }: { state: { globalStep: number } }) => {
        if (state.globalStep === step) process.emit("SIGINT");
      },
    });
    const trainer = trainerFor(model, args, { callbacks: [interruptAt(5)] });
    const stopped = await trainer.train().then(
      () => assert.fail("must not finish"),
      (error: unknown) => error,
    );
    assert.ok(stopped instanceof TrainingInterrupted);
    assert.match(stopped.message, /interrupted after step 5 of 12.*resumeFromCheckpoint: true.*checkpoint-5/);
    assert.equal(trainer.state.globalStep, 5);
    assert.equal(process.listenerCount("SIGINT"), 0);
    const atStop = model.values();
    model.dispose();

    const resumed = new BigramModel(40, 0.2);
    assert.notDeepEqual(resumed.values(), atStop);
    const again = trainerFor(resumed, args);
    const output = await again.train({ resumeFromCheckpoint: true });
    assert.deepEqual(resumed.values(), whole.values);
    const { trainingLoss, globalStep } = whole.output;
    assert.deepEqual(
      { trainingLoss: output.trainingLoss, globalStep: output.globalStep },
      { trainingLoss, globalStep },
    );
    assert.deepEqual(again.state.logHistory.slice(0, -1), whole.trainer.state.logHistory.slice(0, -1));
    assert.equal(again.state.totalFlos, whole.trainer.state.totalFlos);
    resumed.dispose();
  });

  it("ends well after the step in which stop() is called, and goes on to the same end", async () => {
    const args: TrainingOptions = { maxSteps: 12, outputDir: outputDir(), seed: 5, saveStrategy: "no" };
    const whole = await trained({ ...args, outputDir: outputDir() }, new BigramModel(40, 0.2));
    const model = new BigramModel(40, 0.2);
    const outcomes: string[] = [];
    const trainer = trainerFor(model, args, {
      callbacks: [
        {
          onStepBegin: ({ state }) => {
            if (state.globalStep === 4) trainer.stop();
          },
          onTrainEnd: ({ outcome }) => void outcomes.push(outcome),
        },
      ],
    });
    trainer.stop();
    const { globalStep, trainingLoss } = await trainer.train();
    assert.equal(globalStep, 5);
    assert.ok(trainingLoss > 0);
    assert.deepEqual(outcomes, ["stopped"]);
    assert.equal(trainer.state.logHistory.at(-1)?.train_loss, trainingLoss);
    model.dispose();

    const resumed = new BigramModel(40, 0.2);
    await trainerFor(resumed, args).train({ resumeFromCheckpoint: true });
    assert.deepEqual(resumed.values(), whole.values);
    resumed.dispose();
  });

  it("ends an evaluation that stop() meets", async () => {
    const model = new BigramModel();
    const evaluate = model.evaluateLoss.bind(model);
    let passes = 0;
    model.evaluateLoss = (batch) => {
      if (++passes === 2) trainer.stop();
      return evaluate(batch);
    };
    const evalEachStep: TrainingOptions = { evalStrategy: "steps", evalSteps: 1, perDeviceEvalBatchSize: 1 };
    const args = { ...evalEachStep, maxSteps: 9, outputDir: outputDir() };
    const trainer = trainerFor(model, args, { evalDataset: sampleTexts(8, 8) });
    assert.equal((await trainer.train()).globalStep, 1);
    assert.equal(passes, 2);
    model.dispose();
  });

  it("hears the notebook's interrupt, and takes its listener away", async () => {
    const key = Symbol.for("tunelab.interrupt");
    const listeners = new Set<() => void>();
    const hub = {
      onInterrupt: (callback: () => void) => {
        listeners.add(callback);
        return () => listeners.delete(callback);
      },
    };
    Object.assign(globalThis, { [key]: hub });
    try {
      const model = new BigramModel();
      const callbacks = [{ onStepEnd: () => listeners.forEach((listener) => void listener()) }];
      const trainer = trainerFor(model, { maxSteps: 9, outputDir: outputDir() }, { callbacks });
      await assert.rejects(trainer.train(), TrainingInterrupted);
      assert.equal(trainer.state.globalStep, 1);
      assert.equal(listeners.size, 0);
      model.dispose();
    } finally {
      delete (globalThis as Record<symbol, unknown>)[key];
    }
  });

  it("trains again after its cell was ended by force, but not beside a run that goes on", async () => {
    const key = Symbol.for("tunelab.interrupt");
    const cell = new AbortController();
    Object.assign(globalThis, { [key]: { onInterrupt: () => () => {}, signal: () => cell.signal } });
    try {
      const model = new BigramModel();
      const stuck = { onStepEnd: () => new Promise<void>(() => {}) };
      const trainer = trainerFor(model, { maxSteps: 2 }, { callbacks: [stuck] });
      void trainer.train();
      await assert.rejects(trainer.train(), /This trainer is training already/);
      cell.abort();
      stuck.onStepEnd = () => Promise.resolve();
      assert.equal((await trainer.train()).globalStep, 2);
      model.dispose();
    } finally {
      delete (globalThis as Record<symbol, unknown>)[key];
    }
  });

  it("stops when the loss is no number, with the model as it was after the last good step", async () => {
    const good = await trained({ maxSteps: 9, learningRate: 0.02 }, new BigramModel(), {
      callbacks: [
        {
          onStepEnd: ({ state, control }) => {
            if (state.globalStep === 3) control.shouldTrainingStop = true;
          },
        },
      ],
    });
    const model = new BigramModel();
    model.breakAtPass = 3;
    const args = { maxSteps: 9, learningRate: 0.02, outputDir: outputDir() };
    const trainer = trainerFor(model, args);
    await assert.rejects(trainer.train(), (error: unknown) => {
      assert.ok(error instanceof TrainingDiverged);
      assert.match(error.message, /^The loss became NaN at step 4.*up to step 3.*checkpoint-3/);
      return true;
    });
    assert.deepEqual(model.values(), good.values);
    assert.ok(existsSync(join(args.outputDir, "checkpoint-3", "adapter_model.safetensors")));
    model.dispose();
  });

  it("tells what is wrong with a batch that has no labels", async () => {
    const model = new BigramModel();
    const rows = [0, 1].map(() => ({ input_ids: [1, 2, 3], labels: [-100, -100, -100] }));
    const trainer = trainerFor(model, {}, { trainDataset: rows });
    await assert.rejects(trainer.train(), /Step 1 has nothing to learn: all labels of examples .* are -100/);
    model.dispose();
  });
});

describe("checkpoints", () => {
  it("are complete, limited in number, and hold trainer_state.json in Hugging Face's form", async () => {
    const dir = outputDir();
    await trained({ maxSteps: 7, saveStrategy: "steps", saveSteps: 2, saveTotalLimit: 2, outputDir: dir });
    assert.deepEqual(readdirSync(dir).sort(), ["checkpoint-6", "checkpoint-7"]);
    assert.deepEqual(readdirSync(join(dir, "checkpoint-7")).sort(), [
      "adapter_model.safetensors",
      "optimizer.safetensors",
      "progress.json",
      "trainer_state.json",
      "training_args.json",
    ]);
    const text = readFileSync(join(dir, "checkpoint-7", "trainer_state.json"), "utf8");
    const keys = Object.keys(JSON.parse(text));
    assert.deepEqual(keys, [...keys].sort());
    assert.match(text, /\n {2}"epoch": 1\.0,\n/);
    assert.match(text, /"should_training_stop": true/);
  });

  it("keep the best one, which comes back at the end", async () => {
    const dir = outputDir();
    const model = new BigramModel();
    // A rate that makes it better first and worse later.
    const args: TrainingOptions = {
      maxSteps: 12,
      learningRate: 0.4,
      lrSchedulerType: "constant",
      evalStrategy: "steps",
      evalSteps: 2,
      saveStrategy: "steps",
      saveSteps: 2,
      saveTotalLimit: 1,
      loadBestModelAtEnd: true,
      outputDir: dir,
    };
    const trainer = trainerFor(model, args, { evalDataset: sampleTexts(10, 8) });
    await trainer.train();
    const evaluations = trainer.state.logHistory.flatMap(({ eval_loss: loss, step }) =>
      loss === undefined ? [] : [{ loss, step }],
    );
    const best = evaluations.reduce((a, b) => (b.loss < a.loss ? b : a));
    assert.equal(evaluations.length, 6);
    assert.equal(trainer.state.bestMetric, best.loss);
    assert.equal(trainer.state.bestModelCheckpoint, join(dir, `checkpoint-${best.step}`));
    assert.ok(existsSync(join(dir, `checkpoint-${best.step}`)));
    assert.equal((await trainer.evaluate()).eval_loss, best.loss);
    model.dispose();
  });

  it("refuse to resume where there is nothing to resume from", async () => {
    const model = new BigramModel();
    const dir = outputDir();
    const resume = (args: TrainingOptions, from: string | true, texts = 50) =>
      trainerFor(model, { maxSteps: 2, ...args }, { trainDataset: sampleTexts(texts) }).train({
        resumeFromCheckpoint: from,
      });
    await assert.rejects(resume({ outputDir: dir }, true), /There is no checkpoint in/);
    await assert.rejects(resume({ outputDir: dir }, dir), /is no checkpoint: it has no trainer_state.json/);
    await trained({ maxSteps: 2, saveStrategy: "steps", outputDir: dir });
    await assert.rejects(resume({ outputDir: dir }, true, 49), /written with 50 examples, but there are 49 now/);
    const bare = outputDir();
    await trained({ maxSteps: 2, saveStrategy: "steps", saveOnlyModel: true, outputDir: bare });
    await assert.rejects(resume({ outputDir: bare }, true), /has no progress.json/);
    model.dispose();
  });
});

describe("EarlyStoppingCallback", () => {
  const args: TrainingOptions = {
    maxSteps: 30,
    learningRate: 0.4,
    lrSchedulerType: "constant",
    evalStrategy: "steps",
    evalSteps: 1,
    metricForBestModel: "loss",
  };

  it("stops after as many evaluations without improvement as it has patience", async () => {
    const { trainer } = await trained(args, new BigramModel(), {
      evalDataset: sampleTexts(10, 8),
      callbacks: [new EarlyStoppingCallback({ earlyStoppingPatience: 2 })],
    });
    const { bestGlobalStep, globalStep, logHistory } = trainer.state;
    const evaluated = logHistory.flatMap(({ eval_loss: loss }) => (loss === undefined ? [] : [loss]));
    assert.ok(globalStep < 30 && evaluated.length === globalStep);
    assert.equal(bestGlobalStep, globalStep - 2);
  });

  it("says what it needs", async () => {
    const model = new BigramModel();
    const trainer = trainerFor(model, {}, { callbacks: [new EarlyStoppingCallback()] });
    await assert.rejects(trainer.train(), /EarlyStoppingCallback has no evaluations to judge by.*evalStrategy/);
    assert.throws(() => new EarlyStoppingCallback({ earlyStoppingPatience: 0 }), /earlyStoppingPatience is 0/);
    model.dispose();
  });
});

describe("progress", () => {
  it("prints a line for each record in a terminal", async () => {
    const lines: string[] = [];
    await trained({ maxSteps: 10, loggingSteps: 5, evalStrategy: "epoch" }, new BigramModel(), {
      evalDataset: sampleTexts(4, 8),
      callbacks: [new ConsoleProgress((line) => void lines.push(line))],
    });
    const patterns = [
      /^Training: 50 examples, 10 steps of 2 x 4, 10,240 trainable parameters$/,
      /^step {2}5\/10 {2}loss \d\.\d{4} {2}lr \d\.\d\de-2 {2}[\d,]+ tok\/s {2}ETA \d+ s {2}[\d.]+ [MG]B \(tensors \d+ MB\)$/,
      /^step {2}7\/10 {2}eval loss \d\.\d{4} {2}\(\d+ s\)$/,
      /^step 10\/10 {2}loss/,
      /^step 10\/10 {2}eval loss/,
      /^Trained in \d+ s: mean loss \d\.\d{4}, [\d,]+ tok\/s$/,
    ];
    assert.equal(lines.length, patterns.length);
    for (const [index, line] of lines.entries()) assert.match(line, patterns[index]!);
  });

  it("draws a chart in a notebook, also when training fails", async () => {
    const key = Symbol.for("tunelab.display");
    const shown: DisplayBundle[] = [];
    Object.assign(globalThis, { [key]: (bundle: DisplayBundle) => void shown.push(bundle) });
    try {
      await trained({ maxSteps: 4, disableTqdm: false });
      assert.ok("application/vnd.plotly.v1+json" in shown.at(-1)!.data);
      const model = new BigramModel();
      model.breakAtPass = 2;
      const trainer = trainerFor(model, { maxSteps: 4, disableTqdm: false, outputDir: outputDir() });
      await assert.rejects(trainer.train(), TrainingDiverged);
      assert.match(String(shown.at(-1)!.data["text/plain"]), /Stopped after step 2 of 4/);
      model.dispose();
    } finally {
      delete (globalThis as Record<symbol, unknown>)[key];
    }
  });

  for (const inTerminal of [false, true]) {
    it(`says once how memory is divided, in a ${inTerminal ? "script" : "notebook"}`, async () => {
      const key = Symbol.for("tunelab.display");
      class Planned extends BigramModel {
        planPasses({ tokens }: TrainingLoad): PassBudget {
          return { tokensPerPass: tokens, summary: "whole." };
        }
      }
      const { log } = console;
      const lines: unknown[] = [];
      Object.assign(globalThis, { [key]: Object.assign(() => {}, { inTerminal }) });
      console.log = (line) => void lines.push(line);
      try {
        await trained({ maxSteps: 2, disableTqdm: false }, new Planned());
      } finally {
        console.log = log;
        delete (globalThis as Record<symbol, unknown>)[key];
      }
      assert.equal(lines.filter((line) => line === "Memory: whole.").length, 1);
    });
  }
});
