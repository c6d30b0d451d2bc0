/**
 * Checkpoints: outputDir/checkpoint-N with transformers' files, where pickles become safetensors and JSON:
 * the adapter, optimizer.safetensors, progress.json (position, random state, schedule), trainer_state.json,
 * training_args.json and the tokenizer's files.
 */
import { constants, existsSync } from "node:fs";
import { access, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { fail } from "../errors.js";
import { writeFileAtomically } from "../formats/atomicWrite.js";
import { SafetensorsFile } from "../formats/safetensors.js";
import { writing } from "../formats/writeError.js";
import { writeSafetensors } from "../formats/writeSafetensors.js";
import type { LossScale } from "./lossScaler.js";
import type { Optimizer } from "./optim/optimizer.js";
import type { TrainableModel, TrainingTokenizer } from "./trainable.js";
import { readTrainerState, type TrainerState, writeTrainerState } from "./trainerState.js";
import type { TrainingArguments } from "./trainingArguments.js";

/** What a run needs beside model, optimizer and state to go on as if it had not stopped. */
export interface Progress {
  /** Updates that the optimizer has done. */
  optimizerSteps: number;
  /** Examples in the dataset; a resumed run must have as many. */
  numExamples: number;
  /** Sum of the losses of all updates. */
  totalLoss: number;
  /** Sum of the losses since the last log record. */
  lossSinceLog: number;
  /** The update of the last log record. */
  lastLoggedStep: number;
  /** Tokens that went through the model. */
  tokensSeen: number;
  /** Updates without a loss, because the activations overflowed float16: in all, and since the last log record. */
  lostLosses: number;
  lostSinceLog: number;
  /** Of a model in float16; null otherwise. */
  lossScale: LossScale | null;
}

export interface Checkpoint {
  readonly model: TrainableModel;
  readonly tokenizer: TrainingTokenizer;
  readonly args: TrainingArguments;
  readonly optimizer: Optimizer;
  readonly state: TrainerState;
  readonly progress: Progress;
  /** Whether optimizer and progress are written too. */
  readonly resumable: boolean;
}

const STATE = "trainer_state.json";
const PROGRESS = "progress.json";
const OPTIMIZER = "optimizer.safetensors";
const ARGUMENTS = "training_args.json";

/** Path of the checkpoint of a step. */
export function checkpointPath(outputDir: string, step: number): string {
  return join(outputDir, `checkpoint-${step}`);
}

/** Makes the folder of the checkpoints, so that what forbids it is told before the first step. */
export async function makeOutputDir(outputDir: string): Promise<void> {
  await writing(outputDir, async () => {
    await mkdir(outputDir, { recursive: true });
    await access(outputDir, constants.W_OK);
  });
}

/** Writes checkpoint-N under another name and renames it when it is complete. */
export async function saveCheckpoint(checkpoint: Checkpoint): Promise<string> {
  const { model, tokenizer, args, optimizer, state, progress, resumable } = checkpoint;
  const path = checkpointPath(args.outputDir, state.globalStep);
  const temporary = join(args.outputDir, `.tmp-${basename(path)}-${process.pid}`);
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  try {
    await model.savePretrained(temporary);
    await tokenizer.savePretrained?.(temporary);
    await writeFileAtomically(join(temporary, ARGUMENTS), `${JSON.stringify(args, null, 2)}\n`);
    if (resumable) {
      await writeSafetensors(join(temporary, OPTIMIZER), await optimizer.stateEntries());
      await writeFileAtomically(join(temporary, PROGRESS), `${JSON.stringify(progress, null, 2)}\n`);
    }
    await writeTrainerState(join(temporary, STATE), state);
    // A folder cannot replace a full one in a single rename; the old one steps aside first.
    const aside = `${temporary}-old`;
    if (existsSync(path)) await rename(path, aside);
    await rename(temporary, path);
    await rm(aside, { recursive: true, force: true });
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  return path;
}

/** Removes the oldest checkpoints beyond `limit`, except those in `keep`. */
export async function pruneCheckpoints(
  outputDir: string,
  limit: number | null,
  keep: readonly string[],
): Promise<void> {
  if (limit === null) return;
  const all = await listCheckpoints(outputDir);
  // The best checkpoint counts, and with it the newest: of a limit of 1 both may stay, as in transformers.
  const removable = all.filter((path) => !keep.includes(path));
  const surplus = Math.max(0, all.length - Math.max(limit, keep.length));
  for (const path of removable.slice(0, surplus)) await rm(path, { recursive: true });
}

/** Checkpoints of a folder, oldest first. */
export async function listCheckpoints(outputDir: string): Promise<string[]> {
  if (!existsSync(outputDir)) return [];
  const steps = (await readdir(outputDir)).flatMap((name) => /^checkpoint-(\d+)$/.exec(name)?.[1] ?? []);
  return steps
    .map(Number)
    .sort((a, b) => a - b)
    .map((step) => checkpointPath(outputDir, step));
}

/** The folder that `resumeFromCheckpoint` means: itself, or the newest checkpoint for `true`. */
export async function findCheckpoint(outputDir: string, wanted: string | true): Promise<string> {
  if (wanted !== true) {
    if (!existsSync(join(wanted, STATE))) {
      fail(`${wanted} is no checkpoint: it has no ${STATE}.`, {
        hint: `Name a folder like ${outputDir}/checkpoint-60.`,
      });
    }
    return wanted;
  }
  const newest = (await listCheckpoints(outputDir)).at(-1);
  return (
    newest ?? fail(`There is no checkpoint in ${outputDir}.`, { hint: "Start with trainer.train() without resuming." })
  );
}

/** Puts a checkpoint back into model and optimizer. */
export async function loadCheckpoint(
  path: string,
  model: TrainableModel,
  optimizer: Optimizer,
): Promise<{ state: TrainerState; progress: Progress }> {
  if (!model.loadAdapter) fail("This model cannot load what it saved, so that its training cannot be resumed.");
  for (const name of [PROGRESS, OPTIMIZER]) {
    if (!existsSync(join(path, name))) {
      fail(`${path} has no ${name}, so that training cannot be resumed from it.`, {
        hint: "Checkpoints written with saveOnlyModel hold the model alone.",
      });
    }
  }
  const state = await readTrainerState(join(path, STATE));
  const progress = JSON.parse(await readFile(join(path, PROGRESS), "utf8")) as Progress;
  await model.loadAdapter(path);
  const file = SafetensorsFile.open(join(path, OPTIMIZER));
  try {
    optimizer.loadState(progress.optimizerSteps, file);
  } finally {
    file.close();
  }
  return { state, progress };
}

/** Options whose change makes a resumed run another run: a sentence for each that differs, to be shown. */
export async function changedArguments(path: string, args: TrainingArguments): Promise<string[]> {
  if (!existsSync(join(path, ARGUMENTS))) return [];
  const saved = JSON.parse(await readFile(join(path, ARGUMENTS), "utf8")) as Record<string, unknown>;
  const decisive = [
    "perDeviceTrainBatchSize",
    "gradientAccumulationSteps",
    "maxSteps",
    "numTrainEpochs",
    "learningRate",
    "lrSchedulerType",
    "warmupRatio",
    "warmupSteps",
    "optim",
    "weightDecay",
    "seed",
    "dataSeed",
    "numItemsInBatch",
  ] as const;
  return decisive
    .filter((name) => name in saved && saved[name] !== args[name])
    .map((name) => `${name} was ${JSON.stringify(saved[name])} in ${path} and is ${JSON.stringify(args[name])} now.`);
}
