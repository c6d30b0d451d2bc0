/**
 * A training run that may be killed: eight steps of the embedded model's texts, a checkpoint every third, each step told as
 * a line of JSON. killed.ts starts it.
 *   node killedRun.mjs FOLDER [resume]
 */
import { loadDataset } from "../../lib/data/loadDataset.js";
import { ARTICLE_DATASET, EMBEDDED_MODEL } from "../../lib/embedded.js";
import { FastLanguageModel } from "../../lib/models/fastLanguageModel.js";
import { SFTTrainer } from "../../lib/train/sftTrainer.js";
import { TrainingArguments } from "../../lib/train/trainingArguments.js";
import { type MedicalRow, trainingText } from "../../notebooks/embedded/template.js";

const [outputDir = "", resume] = process.argv.slice(2);
const tell = (line: object) => void process.stdout.write(`${JSON.stringify(line)}\n`);

process.env.TUNELAB_PROFILE = "embedded";
const { model, tokenizer } = await FastLanguageModel.fromPretrained({ modelName: EMBEDDED_MODEL });
const data = await loadDataset(ARTICLE_DATASET, "en", { split: "train[0:32]" });
const trainer = new SFTTrainer({
  model: await FastLanguageModel.getPeftModel(model, { r: 16, loraDropout: 0.1 }),
  tokenizer,
  trainDataset: ([...data] as unknown as MedicalRow[]).map((row) => ({ text: trainingText(row) })),
  callbacks: [
    {
      onStepBegin: ({ state }) => tell({ begins: state.globalStep + 1 }),
      onStepEnd: ({ state, step }) => tell({ step: state.globalStep, loss: step!.loss, gradNorm: step!.gradNorm }),
    },
  ],
  args: new TrainingArguments({
    perDeviceTrainBatchSize: 2,
    gradientAccumulationSteps: 2,
    maxSteps: 8,
    learningRate: 5e-3,
    warmupSteps: 2,
    optim: "adamw_8bit",
    saveSteps: 3,
    disableTqdm: true,
    outputDir,
  }),
});
await trainer.train({ resumeFromCheckpoint: resume === "resume" });
