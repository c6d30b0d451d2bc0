/** TrainingArguments: the options of a run, complete and checked. */
import { checkOptions, fail, suggestion } from "../errors.js";
import { checkSchedule } from "./schedule.js";
import { DEFAULTS, ELSEWHERE, OPTIMIZERS, type TrainingOptions } from "./trainingOptions.js";

type Resolved = Readonly<Required<TrainingOptions>>;

const Values = class {
  constructor(values: Resolved) {
    Object.assign(this, values);
  }
} as new (
  values: Resolved,
) => Resolved;

/**
 * How to train. Every option is optional; see `TrainingOptions` for meanings and defaults.
 *
 * @example
 * new TrainingArguments({ perDeviceTrainBatchSize: 2, gradientAccumulationSteps: 4, maxSteps: 60, learningRate: 2e-4 })
 * @throws TunelabError for an unknown or misspelt option, a value out of range, or options that contradict each other
 */
export class TrainingArguments extends Values {
  constructor(options: TrainingOptions = {}) {
    super(resolve(options));
  }
}

function resolve(options: TrainingOptions): Resolved {
  checkOptions("TrainingArguments", options, Object.keys(DEFAULTS), ELSEWHERE);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const values: Required<TrainingOptions> = { ...DEFAULTS, ...given };
  checkNumbers(values);
  checkChoices(values);
  checkFlags(values);
  if (Array.isArray(values.reportTo) && values.reportTo.every((name) => name === "none")) values.reportTo = "none";
  if (values.loadBestModelAtEnd) values.metricForBestModel ??= "loss";
  if (values.metricForBestModel !== null) values.greaterIsBetter ??= !values.metricForBestModel.endsWith("loss");
  if (values.evalStrategy === "steps") values.evalSteps ??= values.loggingSteps;
  checkTogether(values);
  return values;
}

interface Range {
  readonly says: string;
  readonly holds: (value: number) => boolean;
}
const positiveInteger: Range = { says: "a whole number of at least 1", holds: (v) => Number.isInteger(v) && v >= 1 };
const natural: Range = { says: "a whole number of at least 0", holds: (v) => Number.isInteger(v) && v >= 0 };
const integer: Range = { says: "a whole number", holds: (v) => Number.isSafeInteger(v) };
const positive: Range = { says: "a number above 0", holds: (v) => v > 0 && v < Number.POSITIVE_INFINITY };
const notNegative: Range = { says: "a number of at least 0", holds: (v) => v >= 0 && v < Number.POSITIVE_INFINITY };
const share: Range = { says: "a number from 0 to 1", holds: (v) => v >= 0 && v <= 1 };
const belowOne: Range = { says: "a number from 0 to below 1", holds: (v) => v >= 0 && v < 1 };
const interval: Range = {
  says: "a whole number of updates, or a share of the run between 0 and 1",
  holds: (v) => v > 0 && (v < 1 || Number.isInteger(v)),
};

const RANGES: Partial<Record<keyof TrainingOptions, Range>> = {
  perDeviceTrainBatchSize: positiveInteger,
  perDeviceEvalBatchSize: positiveInteger,
  gradientAccumulationSteps: positiveInteger,
  maxTokensPerForward: positiveInteger,
  numTrainEpochs: positive,
  maxSteps: {
    says: "a whole number of at least 1, or -1 for numTrainEpochs",
    holds: (v) => v === -1 || natural.holds(v),
  },
  learningRate: notNegative,
  warmupRatio: share,
  warmupSteps: natural,
  weightDecay: notNegative,
  adamBeta1: belowOne,
  adamBeta2: belowOne,
  adamEpsilon: notNegative,
  maxGradNorm: notNegative,
  seed: integer,
  dataSeed: integer,
  loggingSteps: interval,
  evalSteps: interval,
  saveSteps: interval,
  saveTotalLimit: positiveInteger,
};

function checkNumbers(values: Resolved): void {
  for (const [name, range] of Object.entries(RANGES)) {
    const value = values[name as keyof TrainingOptions];
    if (value === null && DEFAULTS[name as keyof TrainingOptions] === null) continue;
    if (typeof value !== "number" || !range.holds(value)) {
      fail(`${name} is ${JSON.stringify(value) ?? value}, but it must be ${range.says}.`);
    }
  }
}

const CHOICES: Partial<Record<keyof TrainingOptions, readonly string[]>> = {
  optim: OPTIMIZERS,
  loggingStrategy: ["no", "steps", "epoch"],
  evalStrategy: ["no", "steps", "epoch"],
  saveStrategy: ["no", "steps", "epoch", "best"],
  trainSamplingStrategy: ["random", "sequential"],
  numItemsInBatch: ["shifted", "unshifted"],
};

function checkChoices(values: Resolved): void {
  for (const [name, choices] of Object.entries(CHOICES)) {
    const value = String(values[name as keyof TrainingOptions]);
    if (!choices.includes(value)) fail(`Unknown ${name} "${value}".`, { hint: suggestion(value, choices) });
  }
  checkSchedule(values.lrSchedulerType, values.lrSchedulerKwargs);
  if (![values.reportTo].flat().every((service) => service === "none")) {
    fail(`reportTo is ${JSON.stringify(values.reportTo)}, but tunelab reports to no external service.`, {
      hint: 'Use "none", and read the records in trainer.state.logHistory or trainer_state.json.',
    });
  }
  if (typeof values.outputDir !== "string" || values.outputDir === "") fail("outputDir must name a folder.");
}

function checkFlags(values: Resolved): void {
  for (const [name, standard] of Object.entries(DEFAULTS)) {
    const value = values[name as keyof TrainingOptions];
    if (typeof standard === "boolean" && typeof value !== "boolean") {
      fail(`${name} is ${JSON.stringify(value)}, but it must be true or false.`);
    }
  }
}

function checkTogether(values: Resolved): void {
  if (values.fp16 && values.bf16) {
    fail("fp16 and bf16 contradict each other.", {
      hint: "Use fp16: !isBfloat16Supported(), bf16: isBfloat16Supported().",
    });
  }
  if (values.evalStrategy === "no" && (values.loadBestModelAtEnd || values.saveStrategy === "best")) {
    fail("The best checkpoint cannot be found without evaluations.", {
      hint: 'Set evalStrategy to "steps" or "epoch".',
    });
  }
  if (values.saveStrategy === "best" && values.metricForBestModel === null) {
    fail('saveStrategy "best" needs to know what is best.', { hint: 'Set metricForBestModel, e.g. "loss".' });
  }
  if (values.loadBestModelAtEnd && values.saveStrategy !== "best") {
    const { saveStrategy, evalStrategy, saveSteps, evalSteps } = values;
    const apart = evalStrategy === "steps" && saveSteps % (evalSteps ?? saveSteps) !== 0;
    if (saveStrategy !== evalStrategy || apart) {
      fail("loadBestModelAtEnd needs a checkpoint where there is an evaluation.", {
        hint: "Set saveStrategy to evalStrategy, and saveSteps to a multiple of evalSteps.",
      });
    }
  }
}
