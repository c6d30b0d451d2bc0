/** A long run of the trainer with the embedded model on the backend "cuda", whose memory must not grow. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadDataset } from "../../lib/data/loadDataset.js";
import { ARTICLE_DATASET, EMBEDDED_MODEL } from "../../lib/embedded.js";
import { FastLanguageModel } from "../../lib/models/fastLanguageModel.js";
import { activeCuda } from "../../lib/tensor/cuda/backend.js";
import { SFTTrainer } from "../../lib/train/sftTrainer.js";
import { TrainingArguments } from "../../lib/train/trainingArguments.js";
import { type MedicalRow, trainingText } from "../../notebooks/embedded/template.js";

/** Steps until every text was seen once: the same batches come again after them. */
const EPOCH = 5;
/** Room for what is collected late; a leak of 2 KiB a step would show in 500 steps. */
const SLACK = 1 << 20;

export async function flatMemory(steps: number, batch: number, note: (line: string) => void): Promise<void> {
  const outputDir = mkdtempSync(join(tmpdir(), "tunelab-flat-"));
  const { model, tokenizer } = await FastLanguageModel.fromPretrained({ modelName: EMBEDDED_MODEL });
  const peft = await FastLanguageModel.getPeftModel(model, { r: 16 });
  const memory = () => activeCuda()!.cuda.memory();
  const data = await loadDataset(ARTICLE_DATASET, "en", { split: `train[0:${EPOCH * batch}]` });
  const epochs: { inUse: number; peak: number; process: number }[] = [];
  const trainer = new SFTTrainer({
    model: peft,
    tokenizer,
    trainDataset: ([...data] as unknown as MedicalRow[]).map((row) => ({ text: trainingText(row) })),
    callbacks: [
      {
        onEpochEnd: () => {
          const { inUse, peak } = memory();
          epochs.push({ inUse, peak, process: process.memoryUsage.rss() });
        },
      },
    ],
    args: new TrainingArguments({
      perDeviceTrainBatchSize: batch,
      trainSamplingStrategy: "sequential",
      maxSteps: steps,
      learningRate: 1e-3,
      optim: "adamw_8bit",
      saveStrategy: "no",
      disableTqdm: true,
      outputDir,
    }),
  });
  try {
    await trainer.train();
  } finally {
    peft.dispose();
    rmSync(outputDir, { recursive: true });
  }
  const [second, last] = [epochs[1]!, epochs.at(-1)!];
  const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
  note(
    `${steps} steps: ${mebibytes(second.inUse)} to ${mebibytes(last.inUse)} MiB on the GPU between steps, ` +
      `${mebibytes(second.peak)} to ${mebibytes(last.peak)} MiB at most, process ${mebibytes(second.process)} to ${mebibytes(last.process)} MiB`,
  );
  assert.ok(last.inUse - second.inUse < SLACK, `${second.inUse} bytes in use became ${last.inUse}`);
  assert.ok(last.peak - second.peak < SLACK, `at most ${second.peak} bytes became ${last.peak}`);
}
