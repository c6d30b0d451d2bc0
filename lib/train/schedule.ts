/** Learning-rate schedules in Hugging Face's closed forms (transformers, optimization.py). */
import { checkOptions, fail, suggestion } from "../errors.js";

export const SCHEDULER_TYPES = [
  "linear",
  "cosine",
  "cosine_with_restarts",
  "polynomial",
  "constant",
  "constant_with_warmup",
  "inverse_sqrt",
] as const;
export type SchedulerType = (typeof SCHEDULER_TYPES)[number];

/** Extra numbers of a schedule; each is taken only by the schedules named with it. */
export interface SchedulerOptions {
  /** cosine: waves over the run, default 0.5 (down to 0). cosine_with_restarts: number of restarts, default 1. */
  numCycles?: number;
  /** polynomial: exponent. Default 1. */
  power?: number;
  /** polynomial: learning rate at the end. Default 1e-7. */
  lrEnd?: number;
  /** inverse_sqrt: steps over which the rate falls by sqrt 2. Default: the warm-up steps, or 10,000 without warm-up. */
  timescale?: number;
}

const TAKEN: Readonly<Record<SchedulerType, readonly (keyof SchedulerOptions)[]>> = {
  linear: [],
  cosine: ["numCycles"],
  cosine_with_restarts: ["numCycles"],
  polynomial: ["power", "lrEnd"],
  constant: [],
  constant_with_warmup: [],
  inverse_sqrt: ["timescale"],
};

export interface ScheduleInput {
  readonly type: SchedulerType;
  /** Peak learning rate. */
  readonly learningRate: number;
  readonly warmupSteps: number;
  readonly totalSteps: number;
  readonly options?: SchedulerOptions;
}

/** Refuses an unknown schedule, and options that it does not take. */
export function checkSchedule(type: string, options: SchedulerOptions): asserts type is SchedulerType {
  if (!SCHEDULER_TYPES.includes(type as SchedulerType)) {
    fail(`Unknown lrSchedulerType "${type}".`, { hint: suggestion(type, SCHEDULER_TYPES) });
  }
  const taken = TAKEN[type as SchedulerType];
  if (taken.length === 0 && Object.keys(options).length > 0) {
    fail(`The "${type}" schedule takes no lrSchedulerKwargs, but ${Object.keys(options).join(", ")} was given.`);
  }
  checkOptions(`lrSchedulerKwargs for the "${type}" schedule`, options, taken);
}

/**
 * The learning rate of each update, counted from 0. With a warm-up the first update has rate 0, as in transformers.
 * @throws TunelabError for an unknown schedule or option
 */
export function createSchedule(input: ScheduleInput): (step: number) => number {
  const { type, learningRate, warmupSteps, totalSteps, options = {} } = input;
  checkSchedule(type, options);
  const warmup = (step: number) => step / Math.max(1, warmupSteps);
  const progress = (step: number) => (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
  const afterWarmup = decay(input, progress);
  if (type === "constant") return () => learningRate;
  return (step) => learningRate * (step < warmupSteps ? warmup(step) : afterWarmup(step));
}

function decay(input: ScheduleInput, progress: (step: number) => number): (step: number) => number {
  const { type, learningRate, warmupSteps, totalSteps, options = {} } = input;
  switch (type) {
    case "linear":
      return (step) => Math.max(0, (totalSteps - step) / Math.max(1, totalSteps - warmupSteps));
    case "cosine": {
      const cycles = options.numCycles ?? 0.5;
      return (step) => Math.max(0, 0.5 * (1 + Math.cos(Math.PI * cycles * 2 * progress(step))));
    }
    case "cosine_with_restarts": {
      const cycles = options.numCycles ?? 1;
      return (step) =>
        progress(step) >= 1 ? 0 : Math.max(0, 0.5 * (1 + Math.cos(Math.PI * ((cycles * progress(step)) % 1))));
    }
    case "polynomial": {
      const { power = 1, lrEnd = 1e-7 } = options;
      if (!(lrEnd < learningRate)) {
        fail(`lrEnd ${lrEnd} is not below the learning rate ${learningRate}.`, { hint: "Give a smaller lrEnd." });
      }
      return (step) => {
        if (step > totalSteps) return lrEnd / learningRate;
        const remaining = 1 - (step - warmupSteps) / (totalSteps - warmupSteps);
        return ((learningRate - lrEnd) * remaining ** power + lrEnd) / learningRate;
      };
    }
    case "inverse_sqrt": {
      const timescale = options.timescale ?? (warmupSteps || 10_000);
      return (step) => 1 / Math.sqrt((step + timescale - warmupSteps) / timescale);
    }
    case "constant":
    case "constant_with_warmup":
      return () => 1;
  }
}
