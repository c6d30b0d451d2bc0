import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SafetensorsFile } from "../../../lib/formats/safetensors.js";
import { SFTTrainer } from "../../../lib/train/sftTrainer.js";
import type { LogRecord } from "../../../lib/train/trainerState.js";
import { TrainingArguments } from "../../../lib/train/trainingArguments.js";
import { BigramModel, tokenizer } from "./bigramModel.js";

const golden = join(import.meta.dirname, "golden");

describe("SFTTrainer beside transformers' Trainer", () => {
  it("takes the same steps: loss, gradient norm, rate, epoch, and the values at the end", async () => {
    const { rows, logHistory } = JSON.parse(readFileSync(join(golden, "training.json"), "utf8")) as {
      rows: Record<string, unknown>[];
      logHistory: LogRecord[];
    };
    const values = SafetensorsFile.open(join(golden, "training.safetensors"));
    const model = new BigramModel();
    for (const parameter of model.trainableParameters()) parameter.assign(values.readFloat32(parameter.name));
    const trainer = new SFTTrainer({
      model,
      tokenizer,
      trainDataset: rows,
      args: new TrainingArguments({
        perDeviceTrainBatchSize: 2,
        gradientAccumulationSteps: 4,
        maxSteps: 8,
        warmupSteps: 2,
        learningRate: 0.05,
        weightDecay: 0.01,
        lrSchedulerType: "cosine",
        loggingSteps: 1,
        saveStrategy: "no",
        trainSamplingStrategy: "sequential",
        numItemsInBatch: "unshifted",
        disableTqdm: true,
      }),
    });
    await trainer.train();
    assert.equal(trainer.state.logHistory.length, logHistory.length);
    for (const [index, expected] of logHistory.slice(0, -1).entries()) {
      const record = trainer.state.logHistory[index]!;
      // Ours is rounded to four digits after the point, as transformers did for years.
      near(record.loss, expected.loss, 1e-4);
      near(record.grad_norm, expected.grad_norm, 1e-5);
      near(record.learning_rate, expected.learning_rate, 1e-15);
      near(record.epoch, expected.epoch, 1e-15);
      assert.equal(record.step, expected.step);
    }
    near(trainer.state.logHistory.at(-1)!.train_loss, logHistory.at(-1)!.train_loss, 1e-5);
    const end = [...values.readFloat32("end.table"), ...values.readFloat32("end.head")];
    for (const [index, value] of model.values().entries()) near(value, end[index], 1e-4);
    values.close();
    model.dispose();
  });
});

function near(actual: number | undefined, expected: number | undefined, tolerance: number): void {
  const close = Math.abs(actual! - expected!) <= tolerance * Math.max(1, Math.abs(expected!));
  assert.ok(close, `${actual} instead of ${expected}`);
}
