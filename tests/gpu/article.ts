/**
 * The article's training set-up on a checkpoint of checkpoint.py through the library: loads and quantises it on the GPU,
 * trains LoRA on texts of the article's lengths, 8 a step, and decodes. Says times, rates, and who held how much memory.
 *   node article.mjs FOLDER nf4|dense MODE:STEPS ...     dense keeps the weights in bfloat16: LoRA without quantisation
 * Modes: article, as the article sets it ("unsloth"); saver, the same TUNELAB_GPU_SAVER_TOKENS (2048) at a time; recomputed
 * (true); auto; fast, keeping everything (false); half, the same with half the tokens at a time. Figures go to
 * article-<kind>.json.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fail, suggestion } from "../../lib/errors.js";
import { FastLanguageModel } from "../../lib/models/fastLanguageModel.js";
import type { LanguageModel } from "../../lib/models/languageModel.js";
import type { Checkpointing } from "../../lib/models/passPlan.js";
import type { PeftModel } from "../../lib/peft/peftModel.js";
import { backendReport, initBackend, isBfloat16Supported } from "../../lib/tensor/backend.js";
import { activeCuda } from "../../lib/tensor/cuda/backend.js";
import { SFTTrainer } from "../../lib/train/sftTrainer.js";
import { TrainingArguments } from "../../lib/train/trainingArguments.js";
import { gibibytes, peaks, stopwatch, writeResults } from "./results.js";

interface Mode {
  readonly useGradientCheckpointing: Checkpointing;
  /** Tokens that go through the model at a time; null: as many as memory allows. */
  readonly maxTokensPerForward: number | null;
}

const MODES: Readonly<Record<string, Mode>> = {
  article: { useGradientCheckpointing: "unsloth", maxTokensPerForward: null },
  saver: {
    useGradientCheckpointing: "unsloth",
    maxTokensPerForward: Number(process.env.TUNELAB_GPU_SAVER_TOKENS ?? 2048),
  },
  recomputed: { useGradientCheckpointing: true, maxTokensPerForward: null },
  auto: { useGradientCheckpointing: "auto", maxTokensPerForward: null },
  fast: { useGradientCheckpointing: false, maxTokensPerForward: null },
  half: { useGradientCheckpointing: false, maxTokensPerForward: 4096 },
};

const [folder = "", kind = "nf4", ...runs] = process.argv.slice(2);
const rows = JSON.parse(readFileSync(join(folder, "article.json"), "utf8")) as number[][];
const promptTokens = Math.min(200, rows[0]!.length);
const newTokens = 128;
const name = `article-${kind}`;
const seconds = stopwatch();
const importSeconds = performance.now() / 1000;
await initBackend();
const backendSeconds = seconds();

const { model, tokenizer } = await FastLanguageModel.fromPretrained({
  modelName: folder,
  maxSeqLength: 2048,
  loadIn4bit: kind === "nf4",
});
const figures: Record<string, unknown> = {
  gpu: backendReport()?.gpu?.name ?? "none",
  layers: model.config.numLayers,
  importSeconds,
  backendSeconds,
  loadSeconds: backendSeconds + seconds(),
  loadedAfterStart: performance.now() / 1000,
  loadPeakGib: peaks(model.memory().gpu),
  loadHostGib: process.resourceUsage().maxRSS / 2 ** 20,
};
console.log(
  `${kind}, ${figures.layers} layers loaded in ${Number(figures.loadSeconds).toFixed(2)} s, of it the GPU's start ` +
    `${backendSeconds.toFixed(2)} s, after imports of ${importSeconds.toFixed(2)} s; host memory at most ` +
    `${Number(figures.loadHostGib).toFixed(2)} GiB`,
);
let base = model;
for (const [index, run] of runs.entries()) {
  const [mode = "", steps = "6"] = run.split(":");
  if (!(mode in MODES)) fail(`Unknown mode "${mode}".`, { hint: suggestion(mode, Object.keys(MODES)) });
  const peft = await attach(base, mode);
  if (index === 0) figures.attachSeconds = seconds();
  figures[mode] = await train(peft, mode, Number(steps));
  writeResults(name, figures);
  if (index === 0) figures.decode = await decode(peft);
  writeResults(name, figures);
  base = peft.unload();
}
base.dispose();

async function attach(to: LanguageModel, mode: string): Promise<PeftModel> {
  const { useGradientCheckpointing } = MODES[mode]!;
  return FastLanguageModel.getPeftModel(to, { r: 16, loraAlpha: 16, randomState: 7, useGradientCheckpointing });
}

async function train(peft: PeftModel, mode: string, steps: number): Promise<object> {
  // What the mode before had is given back, so that the driver's figure is of this one.
  activeCuda()?.cuda.trim();
  activeCuda()?.cuda.resetPeaks();
  const each: { seconds: number; tokens: number; loss: number }[] = [];
  let begun = 0;
  let plan = "";
  const trainer = new SFTTrainer({
    model: peft,
    tokenizer,
    trainDataset: rows.map((ids) => ({ input_ids: ids })),
    callbacks: [
      {
        onTrainBegin: ({ passes }) => {
          plan = passes!.summary;
          console.log(`${kind} ${mode}: ${plan}`);
        },
        onStepBegin: () => {
          begun = performance.now();
        },
        onStepEnd: ({ step }) => {
          each.push({ seconds: (performance.now() - begun) / 1000, tokens: step!.tokens, loss: step!.loss });
          figures.steppedAfterStart ??= performance.now() / 1000;
          writeResults(name, { ...figures, [mode]: { each } });
        },
      },
    ],
    args: new TrainingArguments({
      perDeviceTrainBatchSize: 2,
      gradientAccumulationSteps: 4,
      maxTokensPerForward: MODES[mode]!.maxTokensPerForward,
      trainSamplingStrategy: "sequential",
      maxSteps: steps,
      warmupRatio: 0.1,
      learningRate: 2e-4,
      lrSchedulerType: "linear",
      optim: "adamw_8bit",
      weightDecay: 0.01,
      bf16: isBfloat16Supported(),
      seed: 3407,
      saveStrategy: "no",
      disableTqdm: true,
      outputDir: join(folder, "outputs"),
    }),
  });
  await trainer.train();
  const { gpu } = peft.memory();
  const peakGib = peaks(gpu);
  // What was given back after the last step is added again.
  const driverGib = gpu === null ? null : gibibytes(gpu.total - gpu.free - gpu.reserved + gpu.reservedPeak);
  const warm = each.slice(2);
  const sum = (of: "seconds" | "tokens") => warm.reduce((total, step) => total + step[of], 0);
  const rate = sum("tokens") / sum("seconds");
  const memory = peakGib === null ? "" : `, at most ${owners(peakGib)}`;
  console.log(
    `${kind} ${mode}: ${steps} steps, ${(sum("seconds") / warm.length).toFixed(3)} s each (the first ` +
      `${each[0]!.seconds.toFixed(2)} s), ${rate.toFixed(0)} tok/s, loss ${each[0]!.loss.toFixed(3)} to ` +
      `${each.at(-1)!.loss.toFixed(3)}${memory}`,
  );
  const pinnedGib = gpu === null ? null : gibibytes(gpu.host);
  const hostGib = process.resourceUsage().maxRSS / 2 ** 20;
  return { ...MODES[mode], plan, each, rate, peakGib, driverGib, pinnedGib, hostGib };
}

function owners({ all, ...each }: Record<string, number>): string {
  const parts = Object.entries(each).filter(([, gib]) => gib >= 0.05);
  return `${all!.toFixed(2)} GiB (${parts.map(([owner, gib]) => `${owner} ${gib.toFixed(2)}`).join(", ")})`;
}

/** Tokens a second of a whole call, prompt included, and of each further token. */
async function decode(peft: PeftModel): Promise<object> {
  FastLanguageModel.forInference(peft);
  const inputIds = [rows[0]!.slice(0, promptTokens)];
  const generate = async (maxNewTokens: number) => {
    seconds();
    await peft.generate({ inputIds, maxNewTokens, doSample: false, eosTokenId: null });
    return seconds();
  };
  await generate(8);
  const [few, many] = [await generate(8), await generate(newTokens)];
  const [rate, steady] = [newTokens / many, (newTokens - 8) / (many - few)];
  console.log(
    `${kind} decoding ${newTokens} tokens after ${promptTokens}: ${rate.toFixed(1)} tok/s, ${steady.toFixed(1)} without the prompt`,
  );
  return { promptTokens, newTokens, rate, steady, peakGib: peaks(peft.memory().gpu) };
}
