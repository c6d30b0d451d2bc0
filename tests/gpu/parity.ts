/**
 * Our side of the comparisons with transformers and PEFT (parity.py, follow.py) on a checkpoint of checkpoint.py: logits,
 * loss and LoRA gradients of one pass, greedy tokens, and with 4-bit weights the losses of ten steps of training.
 *   node parity.mjs FOLDER nf4|dense|float16|float32
 * float16 and float32 compute in them, with 4-bit weights; the others in bf16. Without a GPU all compute in float32.
 * Figures go to parity-<layers>-<kind>.json, tensors into FOLDER.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bytesOf, type TensorEntry } from "../../lib/formats/tensorEntry.js";
import { writeSafetensors } from "../../lib/formats/writeSafetensors.js";
import { pack } from "../../lib/models/causalLm.js";
import { FastLanguageModel } from "../../lib/models/fastLanguageModel.js";
import type { PeftModel } from "../../lib/peft/peftModel.js";
import { backendReport, initBackend, isBfloat16Supported } from "../../lib/tensor/backend.js";
import { SFTTrainer } from "../../lib/train/sftTrainer.js";
import { TrainingArguments } from "../../lib/train/trainingArguments.js";
import { peaks, stopwatch, writeResults } from "./results.js";

interface Texts {
  readonly rows: number[][];
  /** Tokens of each row whose logits are written. */
  readonly logitTokens: number;
  readonly prompt: number[];
  readonly newTokens: number;
  /** Texts of each step of training. */
  readonly steps: number[][][];
}

const [folder = "", kind = "nf4"] = process.argv.slice(2);
const texts = JSON.parse(readFileSync(join(folder, "parity.json"), "utf8")) as Texts;
const seconds = stopwatch();
const adapter = join(folder, "adapter");
const onGpu = (await initBackend()) === "cuda";
const dtype = kind === "float32" || (kind === "float16" && onGpu) ? kind : null;
// Without it small gradients would be lost in float16.
const lossScale = dtype === "float16" ? 2 ** 16 : 1;
const loaded = await FastLanguageModel.fromPretrained({ modelName: adapter, loadIn4bit: kind !== "dense", dtype });
const model = loaded.model as PeftModel;
const name = `parity-${model.config.numLayers}-${kind}`;
const figures: Record<string, unknown> = { gpu: backendReport()?.gpu?.name ?? "none", loadSeconds: seconds() };

const file = join(folder, `${name}.safetensors`);
await writeSafetensors(file, [await logits(), ...(await lossAndGradients())]);
Object.assign(figures, { file, passSeconds: seconds() });
writeResults(name, figures);

FastLanguageModel.forInference(model);
const { prompt, newTokens } = texts;
const [text = []] = await model.generate({
  inputIds: [prompt],
  maxNewTokens: newTokens,
  doSample: false,
  eosTokenId: null,
});
Object.assign(figures, { tokens: text.slice(prompt.length), decodeSeconds: seconds() });
writeResults(name, figures);

if (kind === "nf4") Object.assign(figures, await tenSteps(), { stepsSeconds: seconds() });
writeResults(name, Object.assign(figures, { peakGib: peaks(model.memory().gpu) }));
console.log(
  `${name}: loaded in ${Number(figures.loadSeconds).toFixed(1)} s, loss ${Number(figures.loss).toFixed(4)}, ` +
    `${newTokens} tokens${kind === "nf4" ? `, ${texts.steps.length} steps` : ""}`,
);

async function logits(): Promise<TensorEntry> {
  const batch = pack(texts.rows.map((row) => row.slice(0, texts.logitTokens)));
  const values = model.network.logits(batch.inputIds, batch);
  const data = Float32Array.from((await values.data()) as Float32Array);
  values.dispose();
  return { name: "logits", dtype: "F32", shape: values.shape, data: bytesOf(data) };
}

async function lossAndGradients(): Promise<TensorEntry[]> {
  const batch = pack(texts.rows);
  const items = texts.rows.reduce((sum, row) => sum + row.length - 1, 0);
  figures.loss = await model.forwardBackward({ ...batch, labels: batch.inputIds }, items, { seed: 1, lossScale });
  const entries: TensorEntry[] = [];
  for (const parameter of model.trainableParameters()) {
    const data = ((await parameter.grad!.data()) as Float32Array).map((value) => value / lossScale);
    entries.push({ name: parameter.name, dtype: "F32", shape: parameter.shape, data: bytesOf(data) });
    parameter.zeroGrad();
  }
  return entries;
}

/** Losses and norms of ten updates of QLoRA with 8-bit AdamW, from the adapter as it was loaded. */
async function tenSteps(): Promise<{ losses: number[]; gradNorms: number[] }> {
  const [losses, gradNorms]: [number[], number[]] = [[], []];
  const trainer = new SFTTrainer({
    model,
    tokenizer: loaded.tokenizer,
    trainDataset: texts.steps.flat().map((ids) => ({ input_ids: ids })),
    callbacks: [
      {
        onStepEnd: ({ step }) => {
          losses.push(step!.loss);
          gradNorms.push(step!.gradNorm);
        },
      },
    ],
    args: new TrainingArguments({
      perDeviceTrainBatchSize: texts.steps[0]!.length,
      trainSamplingStrategy: "sequential",
      maxSteps: texts.steps.length,
      learningRate: 2e-4,
      lrSchedulerType: "constant",
      optim: "adamw_8bit",
      weightDecay: 0.01,
      bf16: isBfloat16Supported(),
      saveStrategy: "no",
      disableTqdm: true,
      outputDir: join(folder, "outputs"),
    }),
  });
  await trainer.train();
  return { losses, gradNorms };
}
