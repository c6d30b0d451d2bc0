/** The trainer's state as transformers' TrainerState holds it, and trainer_state.json in the same form. */
import { readFile } from "node:fs/promises";
import { fail } from "../errors.js";
import { writeFileAtomically } from "../formats/atomicWrite.js";
import { PythonFloat, parsePythonJson, pythonJson } from "./pythonJson.js";

/**
 * One record of `logHistory`, with transformers' keys: loss, grad_norm, learning_rate, epoch, step while training;
 * eval_loss, eval_runtime, ... for evaluations; train_runtime, train_loss, ... at the end. In float16 also loss_scale, and
 * a grad_norm that is not finite where the update was skipped.
 */
export type LogRecord = { epoch?: number; step: number } & Record<string, number>;

export interface TrainerState {
  bestGlobalStep: number | null;
  bestMetric: number | null;
  bestModelCheckpoint: string | null;
  /** Epochs done, with the share of the current one. */
  epoch: number;
  evalSteps: number;
  /** Updates done. */
  globalStep: number;
  isHyperParamSearch: boolean;
  isLocalProcessZero: boolean;
  isWorldProcessZero: boolean;
  logHistory: LogRecord[];
  loggingSteps: number;
  maxSteps: number;
  /** Counted with `includeNumInputTokensSeen`; 0 otherwise, as in transformers. */
  numInputTokensSeen: number;
  numTrainEpochs: number;
  saveSteps: number;
  statefulCallbacks: Record<string, StatefulCallback>;
  /** Floating-point operations of the run: 6 x tokens x parameters without the embedding table. */
  totalFlos: number;
  trainBatchSize: number | null;
  trialName: null;
  trialParams: null;
}

/** How transformers stores a callback: what it was made with, and what changed since. */
export interface StatefulCallback {
  args: Record<string, unknown>;
  attributes: Record<string, unknown>;
}

export function createTrainerState(): TrainerState {
  return {
    bestGlobalStep: null,
    bestMetric: null,
    bestModelCheckpoint: null,
    epoch: 0,
    evalSteps: 500,
    globalStep: 0,
    isHyperParamSearch: false,
    isLocalProcessZero: true,
    isWorldProcessZero: true,
    logHistory: [],
    loggingSteps: 500,
    maxSteps: 0,
    numInputTokensSeen: 0,
    numTrainEpochs: 0,
    saveSteps: 500,
    statefulCallbacks: {},
    totalFlos: 0,
    trainBatchSize: null,
    trialName: null,
    trialParams: null,
  };
}

const INTEGER_RECORDS = ["step", "num_input_tokens_seen"];
const FLOATS = ["epoch", "total_flos", "best_metric"];

/** The text of trainer_state.json. */
export function trainerStateJson(state: TrainerState): string {
  const entries = Object.entries(state).map(([key, value]): [string, unknown] => {
    const name = snakeCase(key);
    if (name === "log_history") return [name, (value as LogRecord[]).map(recordWithFloats)];
    if (name === "stateful_callbacks") return [name, callbacksWithFloats(value as TrainerState["statefulCallbacks"])];
    return [name, FLOATS.includes(name) && typeof value === "number" ? new PythonFloat(value) : value];
  });
  return `${pythonJson(Object.fromEntries(entries))}\n`;
}

function recordWithFloats(record: LogRecord): Record<string, unknown> {
  const entries = Object.entries(record).map(([key, value]) => [
    key,
    INTEGER_RECORDS.includes(key) ? value : new PythonFloat(value),
  ]);
  return Object.fromEntries(entries);
}

function callbacksWithFloats(callbacks: TrainerState["statefulCallbacks"]): unknown {
  const float = ([key, value]: [string, unknown]) => [
    key,
    key.endsWith("threshold") && typeof value === "number" ? new PythonFloat(value) : value,
  ];
  const entries = Object.entries(callbacks).map(([name, { args, attributes }]) => [
    name,
    { args: Object.fromEntries(Object.entries(args).map(float)), attributes },
  ]);
  return Object.fromEntries(entries);
}

export function writeTrainerState(path: string, state: TrainerState): Promise<void> {
  return writeFileAtomically(path, trainerStateJson(state));
}

/** Reads a trainer_state.json, ours or one that transformers wrote. */
export async function readTrainerState(path: string): Promise<TrainerState> {
  let parsed: Record<string, unknown>;
  try {
    parsed = parsePythonJson(await readFile(path, "utf8")) as typeof parsed;
  } catch (cause) {
    fail(`${path} cannot be read as a trainer state.`, { hint: "Resume from another checkpoint.", cause });
  }
  const state = createTrainerState();
  const known = Object.keys(state).map((key) => [key, snakeCase(key)] as const);
  for (const [key, name] of known) if (name in parsed) Object.assign(state, { [key]: parsed[name] });
  return state;
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
