/**
 * The library on the backend "cuda" against the library on "cpu-native", with the embedded model: losses, gradients, a
 * training run, adapters that move between the two. tests/gpu runs it on a GPU, tests/lib/tensor/cuda over CPU ops.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { loadDataset } from "../../lib/data/loadDataset.js";
import { ARTICLE_DATASET, EMBEDDED_MODEL } from "../../lib/embedded.js";
import { pack } from "../../lib/models/causalLm.js";
import { FastLanguageModel, type FromPretrainedOptions } from "../../lib/models/fastLanguageModel.js";
import { LoadedModel } from "../../lib/models/loadedModel.js";
import type { PeftModel } from "../../lib/peft/peftModel.js";
import { createRandom } from "../../lib/random.js";
import { backendReport } from "../../lib/tensor/backend.js";
import { DeviceQuantState } from "../../lib/tensor/cuda/quantState.js";
import type { TokenizerLike } from "../../lib/tokenizer/tokenizer.js";
import { SFTTrainer } from "../../lib/train/sftTrainer.js";
import { TrainingArguments } from "../../lib/train/trainingArguments.js";
import { scoreAnswer } from "../../notebooks/embedded/score.js";
import { type MedicalRow, promptFor, trainingText } from "../../notebooks/embedded/template.js";

export interface CaseOptions {
  /** Updates of the training run; 60 is the article's. */
  readonly steps: number;
  /** Held-out questions that the trained model answers; 0 leaves the count out. */
  readonly questions: number;
  /** Receives a line for each figure. */
  readonly note: (line: string) => void;
}

type Backend = "cuda" | "cpu-native";
type Loaded = { model: PeftModel; tokenizer: TokenizerLike };

const folders: string[] = [];
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "tunelab-library-"));
  folders.push(made);
  return made;
}

async function load(backend: Backend, options: Partial<FromPretrainedOptions> = {}): Promise<Loaded> {
  process.env.TUNELAB_BACKEND = backend;
  const loaded = await FastLanguageModel.fromPretrained({ modelName: EMBEDDED_MODEL, ...options });
  assert.equal(tf.getBackend(), backend);
  if (!(loaded.model instanceof LoadedModel)) return loaded as Loaded;
  const model = await FastLanguageModel.getPeftModel(loaded.model, { r: 16, randomState: 7 });
  return { model, tokenizer: loaded.tokenizer };
}

async function rowsOf(tokenizer: TokenizerLike, split: string): Promise<number[][]> {
  const rows = [...(await loadDataset(ARTICLE_DATASET, "en", { split }))] as unknown as MedicalRow[];
  return rows.map((row) => tokenizer.encode(trainingText(row) + tokenizer.eosToken));
}

/** B is zero at first, and with it the gradient of A. */
function fillAdapter(model: PeftModel): void {
  const random = createRandom(11);
  for (const parameter of model.trainableParameters()) {
    if (!parameter.name.includes("lora_B")) continue;
    parameter.assign(Float32Array.from({ length: parameter.size }, () => (random.next() - 0.5) * 0.05));
  }
}

interface Pass {
  readonly logits: Float32Array;
  readonly loss: number;
  readonly gradients: ReadonlyMap<string, Float32Array>;
}

/** One forward and backward pass over three rows of different lengths. */
async function pass({ model, tokenizer }: Loaded, lossScale = 1): Promise<Pass> {
  const rows = await rowsOf(tokenizer, "train[0:3]");
  const batch = pack([rows[0]!, rows[1]!.slice(0, 40), rows[2]!]);
  const logits = model.network.logits(batch.inputIds, batch);
  const values = (await logits.data()) as Float32Array;
  logits.dispose();
  const loss = await model.forwardBackward({ ...batch, labels: batch.inputIds }, 100, { seed: 5, lossScale });
  const gradients = new Map<string, Float32Array>();
  for (const parameter of model.trainableParameters()) {
    const gradient = (await parameter.grad!.data()) as Float32Array;
    gradients.set(
      parameter.name,
      gradient.map((value) => value / lossScale),
    );
    parameter.zeroGrad();
  }
  return { logits: Float32Array.from(values), loss, gradients };
}

async function passOn(backend: Backend, options: Partial<FromPretrainedOptions>, lossScale = 1): Promise<Pass> {
  const loaded = await load(backend, options);
  fillAdapter(loaded.model);
  try {
    return await pass(loaded, lossScale);
  } finally {
    loaded.model.dispose();
  }
}

/** ‖actual - expected‖ / ‖expected‖; NaN when a value is NaN. */
function normError(actual: Float32Array, expected: Float32Array): number {
  assert.equal(actual.length, expected.length);
  let [difference, size] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i]! - expected[i]!) ** 2;
    size += expected[i]! ** 2;
  }
  return Math.sqrt(difference / (size || 1));
}

export function libraryCases({ steps, questions, note }: CaseOptions): void {
  const environment = { backend: process.env.TUNELAB_BACKEND, profile: process.env.TUNELAB_PROFILE };
  const exact = new Map<boolean, Pass>();

  function near(what: string, actual: Pass, expected: Pass, tolerance: number): void {
    let worst = 0;
    for (const [name, values] of expected.gradients) {
      worst = Math.max(worst, normError(actual.gradients.get(name)!, values));
    }
    const logits = normError(actual.logits, expected.logits);
    const loss = Math.abs(actual.loss / expected.loss - 1);
    note(
      `${what}: logits ${logits.toExponential(1)}, loss ${loss.toExponential(1)}, worst gradient ${worst.toExponential(1)}`,
    );
    assert.ok(logits <= tolerance && loss <= tolerance, `${what}: logits ${logits}, loss ${loss}`);
    assert.ok(worst <= 10 * tolerance, `${what}: worst gradient ${worst}`);
  }

  before(() => {
    process.env.TUNELAB_PROFILE = "embedded";
  });
  after(() => {
    for (const [key, value] of [
      ["TUNELAB_BACKEND", environment.backend],
      ["TUNELAB_PROFILE", environment.profile],
    ] as const) {
      if (value === undefined) delete process.env[key];
      else process.env[key] = value;
    }
    for (const made of folders.splice(0)) rmSync(made, { recursive: true });
  });

  for (const loadIn4bit of [false, true]) {
    it(`logits, loss and gradients of the ${loadIn4bit ? "4-bit" : "dense"} model equal those on the CPU`, async () => {
      exact.set(loadIn4bit, await passOn("cpu-native", { loadIn4bit }));
      // A code that lies on a threshold may round the other way on the GPU, as in bitsandbytes.
      const tolerance = loadIn4bit ? 1e-2 : 1e-4;
      near(
        `float32, ${loadIn4bit ? "4-bit" : "dense"}`,
        await passOn("cuda", { loadIn4bit }),
        exact.get(loadIn4bit)!,
        tolerance,
      );
    });
  }

  it("computes in bfloat16 or float16 where asked to", async () => {
    const half = await passOn("cuda", { loadIn4bit: false, dtype: "bfloat16" });
    near("bfloat16, dense", half, exact.get(false)!, 3e-2);
    const other = await passOn("cuda", { loadIn4bit: false, dtype: "float16" }, 1024);
    near("float16, dense", other, exact.get(false)!, 5e-3);
  });

  it("trains in float16 with a loss scale, goes on from a checkpoint to the same end, and writes", async () => {
    const dir = folder();
    const run = async (dtype: "float16" | "float32", resumeFrom: string | false) => {
      const { model, tokenizer } = await load("cuda", { dtype });
      const rows = await rowsOf(tokenizer, "train[0:24]");
      const losses: number[] = [];
      const options = { model, tokenizer, trainDataset: rows.map((ids) => ({ input_ids: ids })) };
      const numbers = { gradientAccumulationSteps: 2, perDeviceTrainBatchSize: 2, maxSteps: 4, learningRate: 2e-3 };
      const quiet = { disableTqdm: true, saveSteps: 2, loggingSteps: 1, outputDir: join(dir, dtype) };
      const trainer = new SFTTrainer({
        ...options,
        callbacks: [{ onStepEnd: ({ step }) => void losses.push(step!.loss) }],
        args: new TrainingArguments({ ...numbers, ...quiet, fp16: true }),
      });
      await trainer.train({ resumeFromCheckpoint: resumeFrom });
      const scales = trainer.state.logHistory.map((record) => record.loss_scale);
      return { model, losses, scales, options, prompt: rows[0]!.slice(0, 30) };
    };
    const wide = await run("float32", false);
    wide.model.dispose();
    assert.ok(wide.scales.every((scale) => scale === undefined));
    const whole = await run("float16", false);
    note(
      `float16: losses ${whole.losses.join(", ")}, in float32 ${wide.losses.join(", ")}, scales ${whole.scales.join(", ")}`,
    );
    assert.ok(Math.abs(whole.losses[0]! / wide.losses[0]! - 1) < 1e-3);
    assert.ok(whole.losses.every(Number.isFinite) && whole.losses.at(-1)! < whole.losses[0]!);
    assert.ok(whole.scales[0] === 65_536 && whole.scales.slice(0, 4).every((scale) => scale! >= 1024));
    const written = await likeliest(whole.model, whole.prompt);
    whole.model.dispose();

    const resumed = await run("float16", join(dir, "float16", "checkpoint-2"));
    assert.deepEqual(resumed.losses, whole.losses.slice(2));
    assert.deepEqual(await likeliest(resumed.model, whole.prompt), written);
    const args = new TrainingArguments({ bf16: true });
    assert.throws(
      () => new SFTTrainer({ ...resumed.options, args }),
      /bf16 is true, but the model was loaded .*float16/,
    );
    resumed.model.dispose();
  });

  it("holds 4-bit weights on the GPU alone, and gives all memory back", async () => {
    const first = await load("cuda");
    const held = first.model.memory();
    assert.ok(first.model.network.layers[0]!.projections.q_proj.weight.kind === "nf4");
    const { weight } = first.model.network.layers[0]!.projections.q_proj;
    assert.ok(weight.kind === "nf4" && weight.state instanceof DeviceQuantState);
    assert.ok(held.gpu !== null && held.gpu.owners.weights.inUse >= held.weights);
    assert.ok(held.projections < 0.3 * held.projectionsIn16Bit);
    first.model.dispose();
    const { model } = await load("cuda");
    const again = model.memory().gpu!;
    model.dispose();
    assert.equal(again.owners.weights.inUse, held.gpu.owners.weights.inUse);
  });

  it(`trains ${steps} steps as the CPU does, and the adapter answers the same there`, async () => {
    const run = async (backend: Backend, maxSteps: number) => {
      const { model, tokenizer } = await load(backend);
      const started = performance.now();
      const losses: number[] = [];
      const rows = await rowsOf(tokenizer, `train[0:${8 * maxSteps}]`);
      const trainer = new SFTTrainer({
        model,
        tokenizer,
        trainDataset: rows.map((ids) => ({ input_ids: ids })),
        callbacks: [{ onStepEnd: ({ step }) => void losses.push(step!.loss) }],
        args: new TrainingArguments({
          perDeviceTrainBatchSize: 2,
          gradientAccumulationSteps: 4,
          maxSteps,
          warmupRatio: 0.1,
          learningRate: 6e-3,
          weightDecay: 0.01,
          optim: "adamw_8bit",
          lrSchedulerType: "linear",
          seed: 3407,
          saveStrategy: "no",
          disableTqdm: true,
          outputDir: folder(),
        }),
      });
      await trainer.train();
      const seconds = (performance.now() - started) / 1000;
      return { model, tokenizer, losses, seconds };
    };
    const onGpu = await run("cuda", steps);
    const { model, tokenizer, losses, seconds } = onGpu;
    note(`${backendReport()!.reason}`);
    note(`${steps} steps in ${seconds.toFixed(2)} s, loss ${losses[0]!.toFixed(4)} to ${losses.at(-1)!.toFixed(4)}`);
    if (questions > 0) {
      const right = await countRight(model, tokenizer, questions);
      note(`${right} of ${questions} held-out questions right`);
      assert.ok(right >= 0.95 * questions, `${right} of ${questions}`);
    }
    const [adapter, merged] = [folder(), folder()];
    await model.savePretrained(adapter);
    await model.savePretrainedMerged(merged, tokenizer);
    const there = await pass(onGpu);
    model.dispose();

    const back = await load("cuda", { modelName: adapter });
    near("adapter of the GPU, loaded there again", await pass(back), there, 1e-6);
    back.model.dispose();
    const onCpu = await load("cpu-native", { modelName: adapter });
    near("adapter of the GPU, on the CPU", await pass(onCpu), there, 2e-2);
    onCpu.model.dispose();
    const whole = await load("cpu-native", { modelName: merged, loadIn4bit: false });
    const batch = pack([(await rowsOf(tokenizer, "train[0:1]"))[0]!]);
    const logits = whole.model.network.logits(batch.inputIds, batch);
    const error = normError(logits.dataSync() as Float32Array, there.logits.slice(0, logits.size));
    note(`merged on the GPU, on the CPU: logits ${error.toExponential(1)}`);
    assert.ok(error < 3e-2, `merged: ${error}`);
    logits.dispose();
    whole.model.dispose();
  });

  it("starts as the CPU does, step by step, and loads its adapter", async () => {
    const curves: number[][] = [];
    let adapter = "";
    let there: Pass | null = null;
    for (const backend of ["cpu-native", "cuda"] as const) {
      const loaded = await load(backend);
      const { model, tokenizer } = loaded;
      const rows = await rowsOf(tokenizer, "train[0:24]");
      const losses: number[] = [];
      const trainer = new SFTTrainer({
        model,
        tokenizer,
        trainDataset: rows.map((ids) => ({ input_ids: ids })),
        callbacks: [{ onStepEnd: ({ step }) => void losses.push(step!.loss) }],
        args: new TrainingArguments({
          perDeviceTrainBatchSize: 2,
          gradientAccumulationSteps: 2,
          maxSteps: 6,
          learningRate: 2e-3,
          optim: "adamw_torch",
          saveStrategy: "no",
          disableTqdm: true,
          outputDir: folder(),
        }),
      });
      await trainer.train();
      curves.push(losses);
      if (backend === "cpu-native") {
        adapter = folder();
        await model.savePretrained(adapter);
        there = await pass(loaded);
      }
      model.dispose();
    }
    const [onCpu, onGpu] = curves as [number[], number[]];
    const worst = Math.max(...onCpu.map((loss, i) => Math.abs(loss - onGpu[i]!)));
    note(`first six losses: at most ${worst.toExponential(1)} from the CPU's`);
    assert.ok(worst < 5e-3, `losses ${onCpu.join(", ")} and ${onGpu.join(", ")}`);
    const moved = await load("cuda", { modelName: adapter });
    near("adapter of the CPU, on the GPU", await pass(moved), there!, 2e-2);
    moved.model.dispose();
  });
}

/** Tokens that the model writes, each the likeliest after those before it. */
async function likeliest(model: PeftModel, prompt: number[]): Promise<number[]> {
  FastLanguageModel.forInference(model);
  const [text] = await model.generate({ inputIds: [prompt], maxNewTokens: 8, doSample: false, eosTokenId: null });
  const batch = pack([text!]);
  const logits = model.network.logits(batch.inputIds, batch);
  const [all, width] = [(await logits.data()) as Float32Array, logits.shape[1]];
  logits.dispose();
  for (let at = prompt.length; at < text!.length; at++) {
    const row = all.subarray((at - 1) * width, at * width);
    const most = row.reduce((a, b) => Math.max(a, b));
    assert.ok(row[text![at]!]! >= most - 0.05 * Math.abs(most), `token ${at}: ${row[text![at]!]} of ${most}`);
  }
  return text!;
}

/** Greedy answers to held-out questions, counted as the notebook does. */
async function countRight(model: PeftModel, tokenizer: TokenizerLike, questions: number): Promise<number> {
  FastLanguageModel.forInference(model);
  const split = `test[0:${questions}]`;
  const rows = [...(await loadDataset(ARTICLE_DATASET, "en", { split }))] as unknown as MedicalRow[];
  let right = 0;
  for (let from = 0; from < rows.length; from += 50) {
    const asked = rows.slice(from, from + 50);
    const inputs = tokenizer(asked.map(({ Question }) => promptFor(Question)));
    const outputs = await model.generate({ ...inputs, maxNewTokens: 160, doSample: false, useCache: true });
    const texts = tokenizer.batchDecode(outputs, { skipSpecialTokens: true });
    right += texts.filter((text, i) => scoreAnswer(text, asked[i]!).right).length;
  }
  return right;
}
