/** The options of TrainingArguments: Hugging Face's names in camelCase, with its meanings and defaults. */
import type { ItemCount } from "./batch.js";
import type { SchedulerOptions, SchedulerType } from "./schedule.js";

export const OPTIMIZERS = [
  "adamw_torch",
  "adamw_torch_fused",
  "adamw_8bit",
  "adamw_bnb_8bit",
  "paged_adamw_8bit",
] as const;
export type OptimizerName = (typeof OPTIMIZERS)[number];
export type IntervalStrategy = "no" | "steps" | "epoch";

export interface TrainingOptions {
  /** Folder of the checkpoints. Default "trainer_output". */
  outputDir?: string;

  /** Examples in one micro-batch. Default 8. */
  perDeviceTrainBatchSize?: number;
  /** Examples in one batch of an evaluation. Default 8. */
  perDeviceEvalBatchSize?: number;
  /** Micro-batches whose gradients add up to one update. Default 1. */
  gradientAccumulationSteps?: number;
  /** Leaves out the last, smaller micro-batch of an epoch. Default false. */
  dataloaderDropLast?: boolean;
  /**
   * The most tokens in one forward pass. All sequences of an update go through the model together, without padding, when
   * they fit; otherwise in several passes with the same gradients. Lower it to save memory. Default null: as many as
   * memory allows, and no more than 8,192 in evaluations. (tunelab's own.)
   */
  maxTokensPerForward?: number | null;
  /**
   * What a step's loss is divided by. "shifted": the number of predicted tokens, so that the loss is their exact mean.
   * "unshifted": the number of labels, as in transformers (one more for each sequence). Default "shifted". (tunelab's own.)
   */
  numItemsInBatch?: ItemCount;

  /** Passes over the data; may be a fraction. Default 3. */
  numTrainEpochs?: number;
  /** Number of updates; above 0 it takes the place of `numTrainEpochs`. Default -1. */
  maxSteps?: number;

  /** Peak learning rate. Default 5e-5. */
  learningRate?: number;
  /** Shape of the learning rate over the run. Default "linear". */
  lrSchedulerType?: SchedulerType;
  /** Numbers for the schedule, e.g. `{ numCycles: 2 }` for "cosine_with_restarts". Default {}. */
  lrSchedulerKwargs?: SchedulerOptions;
  /** Share of the updates over which the rate rises from 0, rounded up to whole updates. Default 0. */
  warmupRatio?: number;
  /** The same as a number of updates; above 0 it takes the place of `warmupRatio`. Default 0. */
  warmupSteps?: number;

  /**
   * The optimizer. "adamw_8bit" (also "adamw_bnb_8bit", "paged_adamw_8bit") keeps its states in 8 bits as bitsandbytes
   * does; "adamw_torch" (also "adamw_torch_fused") in float32. Default "adamw_torch".
   */
  optim?: OptimizerName;
  /** Decoupled weight decay on all trained parameters. Default 0. */
  weightDecay?: number;
  /** Decay of the gradient's running mean. Default 0.9. */
  adamBeta1?: number;
  /** Decay of the squared gradient's running mean. Default 0.999. */
  adamBeta2?: number;
  /** Added to the denominator. Default 1e-8. */
  adamEpsilon?: number;
  /** Gradients with a larger norm are scaled down to it; 0 turns clipping off. Default 1. */
  maxGradNorm?: number;

  /**
   * The model is computed in float16. What it is computed in is decided when it is loaded, by `dtype` of fromPretrained; this
   * option is held against it. A model in float16 trains with its loss scaled as torch's GradScaler does it, whether the
   * option says so or not: the scale starts at 65,536, doubles after 2,000 good updates in a row, and halves when a gradient
   * overflows. That update is skipped with a warning: it counts in `maxSteps`, but parameters, optimizer and learning rate
   * stay where they are. Gradients that overflow even without a scale end the run with TrainingDiverged. A model in bfloat16
   * is refused; one in float32 stays in float32, as on all CPU backends, and needs no scale. Default false.
   */
  fp16?: boolean;
  /**
   * The model is computed in bfloat16, which needs no scale; see `fp16`. A model in float16 is refused; one in float32 stays
   * in float32, as on all CPU backends. Default false.
   */
  bf16?: boolean;
  /** Seeds dropout, and the order of the examples unless `dataSeed` does. Default 42. */
  seed?: number;
  /** Seeds the order of the examples. Default null: `seed`. */
  dataSeed?: number | null;
  /** "random": a new order each epoch; "sequential": the dataset's. Default "random". */
  trainSamplingStrategy?: "random" | "sequential";

  /** When the mean loss since the last record is logged. Default "steps". */
  loggingStrategy?: IntervalStrategy;
  /** Updates between two log records; below 1, a share of the run. Default 500. */
  loggingSteps?: number;
  /** Also logs the first update. Default false. */
  loggingFirstStep?: boolean;
  /** Counts input tokens in the state and in every record. Default false. */
  includeNumInputTokensSeen?: boolean;
  /**
   * External services that get the records. tunelab has none of its own: "none". The live chart and the progress lines
   * are not a service; `disableTqdm` turns them off. [] is the same. Default "none".
   */
  reportTo?: "none" | readonly "none"[];
  /** Turns off the live chart (in a notebook) and the progress lines (elsewhere). Default false. */
  disableTqdm?: boolean;

  /** When the evaluation dataset is used. "steps": every `evalSteps`, "epoch": at the end of each. Default "no". */
  evalStrategy?: IntervalStrategy;
  /** Updates between two evaluations; below 1, a share of the run. Default null: `loggingSteps`. */
  evalSteps?: number | null;
  /** Evaluates once before the first update. Default false. */
  evalOnStart?: boolean;

  /** When checkpoints are written; "steps" also writes one at the end, "best" when the metric improves. Default "steps". */
  saveStrategy?: IntervalStrategy | "best";
  /** Updates between two checkpoints; below 1, a share of the run. Default 500. */
  saveSteps?: number;
  /** Checkpoints kept; older ones are removed, never the best one. Default null: all. */
  saveTotalLimit?: number | null;
  /** Leaves optimizer and progress out of checkpoints, which can then not be resumed. Default false. */
  saveOnlyModel?: boolean;
  /** Puts the best checkpoint's adapter back at the end. Needs matching save and evaluation strategies. Default false. */
  loadBestModelAtEnd?: boolean;
  /** Which metric says what is best. Default null: "loss" with `loadBestModelAtEnd`, otherwise none. */
  metricForBestModel?: string | null;
  /** Whether a larger metric is better. Default null: true unless the metric's name ends in "loss". */
  greaterIsBetter?: boolean | null;
}

/** Every option with its default. */
export const DEFAULTS: Required<TrainingOptions> = {
  outputDir: "trainer_output",
  perDeviceTrainBatchSize: 8,
  perDeviceEvalBatchSize: 8,
  gradientAccumulationSteps: 1,
  dataloaderDropLast: false,
  maxTokensPerForward: null,
  numItemsInBatch: "shifted",
  numTrainEpochs: 3,
  maxSteps: -1,
  learningRate: 5e-5,
  lrSchedulerType: "linear",
  lrSchedulerKwargs: {},
  warmupRatio: 0,
  warmupSteps: 0,
  optim: "adamw_torch",
  weightDecay: 0,
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamEpsilon: 1e-8,
  maxGradNorm: 1,
  fp16: false,
  bf16: false,
  seed: 42,
  dataSeed: null,
  trainSamplingStrategy: "random",
  loggingStrategy: "steps",
  loggingSteps: 500,
  loggingFirstStep: false,
  includeNumInputTokensSeen: false,
  reportTo: "none",
  disableTqdm: false,
  evalStrategy: "no",
  evalSteps: null,
  evalOnStart: false,
  saveStrategy: "steps",
  saveSteps: 500,
  saveTotalLimit: null,
  saveOnlyModel: false,
  loadBestModelAtEnd: false,
  metricForBestModel: null,
  greaterIsBetter: null,
};

const CHECKPOINT = "Its folder is a local one: upload it by Hugging Face's own tools.";
const ONE_DEVICE = "One process trains on one device.";
const NO_WORKERS = "Texts are turned into tokens before the first step, so no worker has anything to load.";
const NO_SERVICE = "Runs are recorded in trainer_state.json, and nowhere else.";
const BACKEND = "Choose a backend before the model is loaded: await tf.setBackend(name).";

/** Options of transformers and TRL that people know and tunelab does differently: what to do instead. */
export const ELSEWHERE = {
  gradientCheckpointing: "Choose it in getPeftModel({ useGradientCheckpointing }).",
  gradientCheckpointingKwargs: "Choose it in getPeftModel({ useGradientCheckpointing }).",
  maxSeqLength: "Give it to SFTTrainer({ maxSeqLength }), or take SFTConfig for TrainingArguments.",
  maxLength: "Give it to SFTTrainer({ maxSeqLength }), or take SFTConfig for TrainingArguments.",
  packing: "Give it to SFTTrainer({ packing }), or take SFTConfig for TrainingArguments.",
  evalPacking: "Give packing to SFTTrainer: it holds for both datasets.",
  paddingFree: "Batches never have padding: leave it out.",
  datasetTextField: "Give it to SFTTrainer({ datasetTextField }), or take SFTConfig for TrainingArguments.",
  datasetNumProc: "Give it to SFTTrainer, or leave it out: texts are turned into tokens in this process.",
  datasetKwargs: "Leave it out, and prepare the texts with dataset.map().",
  completionOnlyLoss: "Give rows with input_ids and labels, -100 where a token is not to be learnt.",
  assistantOnlyLoss: "Give rows with input_ids and labels, -100 where a token is not to be learnt.",
  resumeFromCheckpoint: "Give it to trainer.train({ resumeFromCheckpoint }).",
  overwriteOutputDir: "Leave it out: train() begins anew, and goes on only with resumeFromCheckpoint.",
  groupByLength: "Batches have no padding, so there is nothing to gain from grouping by length.",
  lengthColumnName: "Batches have no padding, so there is nothing to gain from grouping by length.",
  removeUnusedColumns: "Leave it out: only the column with the text is read.",
  loggingNanInfFilter: "A loss that is not a number stops the training instead of being hidden.",
  evaluationStrategy: 'Its name is now "evalStrategy".',
  neftuneNoiseAlpha: "Noise in the embeddings is not part of tunelab; loraDropout of getPeftModel also regularises.",
  labelSmoothingFactor: "The loss is the plain cross-entropy; loraDropout of getPeftModel also regularises.",
  torchCompile: "Leave it out: the ops are compiled already.",
  tf32: "Leave it out: dtype of fromPretrained says what is computed in.",
  bf16FullEval: "Leave it out: evaluations compute in what the model computes in.",
  fp16FullEval: "Leave it out: evaluations compute in what the model computes in.",
  halfPrecisionBackend: "Leave it out: dtype of fromPretrained says what is computed in.",
  autoFindBatchSize: "Leave it out: a step is divided into passes as memory asks for it.",
  evalAccumulationSteps: "Leave it out: evaluations keep nothing but sums.",
  dataloaderNumWorkers: NO_WORKERS,
  dataloaderPinMemory: NO_WORKERS,
  dataloaderPersistentWorkers: NO_WORKERS,
  dataloaderPrefetchFactor: NO_WORKERS,
  doTrain: "Leave it out, and call trainer.train().",
  doEval: "Set evalStrategy, or call trainer.evaluate().",
  fullDeterminism: "Leave it out: a seed gives the same run.",
  saveSafetensors: "Leave it out: checkpoints are safetensors always.",
  pushToHub: CHECKPOINT,
  hubModelId: CHECKPOINT,
  hubToken: CHECKPOINT,
  hubStrategy: CHECKPOINT,
  loggingDir: NO_SERVICE,
  runName: NO_SERVICE,
  localRank: ONE_DEVICE,
  deepspeed: ONE_DEVICE,
  fsdp: ONE_DEVICE,
  ddpFindUnusedParameters: ONE_DEVICE,
  batchSize: "Its name is perDeviceTrainBatchSize.",
  lr: "Its name is learningRate.",
  epochs: "Its name is numTrainEpochs.",
  numEpochs: "Its name is numTrainEpochs.",
  noCuda: BACKEND,
  useCpu: BACKEND,
} as const;
