/** SFTTrainer: supervised fine-tuning of a causal language model on texts. */

import { inspect } from "node:util";
import { notebookDisplay } from "../charts/display.js";
import { checkOptions, fail, shown } from "../errors.js";
import { DEFAULT_PASS_TOKENS, type Example, packExamples } from "./batch.js";
import { notify, type TrainerCallback } from "./callbacks.js";
import { ChartProgress } from "./chartProgress.js";
import { makeOutputDir } from "./checkpoint.js";
import { ConsoleProgress } from "./consoleProgress.js";
import { type EvaluationMetrics, evaluateExamples } from "./evaluation.js";
import { type ExampleOptions, prepareExamples, truncationMessage } from "./examples.js";
import { watchInterrupt } from "./interrupt.js";
import { checkPrecision } from "./precision.js";
import { planTraining } from "./sampler.js";
import { SFTConfig, type SFTConfigOptions, type TextOptions, textsOf } from "./sftConfig.js";
import type { TrainableModel, TrainingDataset, TrainingTokenizer } from "./trainable.js";
import { createTrainerState, type TrainerState } from "./trainerState.js";
import { TrainingArguments } from "./trainingArguments.js";
import { TrainingRun, type TrainOutput } from "./trainingRun.js";

export interface SFTTrainerOptions extends TextOptions {
  /** What is trained: a model with an adapter from getPeftModel. */
  model: TrainableModel;
  /** Turns text into tokens; the model's own. `processingClass` is its newer name in TRL. */
  tokenizer?: TrainingTokenizer;
  /** The same as `tokenizer`. */
  processingClass?: TrainingTokenizer;
  /** Texts to learn: a Dataset, or an array of rows. Rows with `input_ids` (and `labels`) are taken as they are. */
  trainDataset: TrainingDataset;
  /** Texts for the evaluation loss. Default null. */
  evalDataset?: TrainingDataset | null;
  /** Makes the text of a row, in place of `datasetTextField`. */
  formattingFunc?: (row: Record<string, unknown>) => string;
  /** How to train: TrainingArguments, an SFTConfig, or its options. Default `new TrainingArguments()`. */
  args?: TrainingArguments | SFTConfigOptions;
  /** Hooks into the run. Default none beside the trainer's own progress. */
  callbacks?: readonly TrainerCallback[];
}

const OPTIONS: readonly (keyof SFTTrainerOptions)[] = [
  "model",
  "tokenizer",
  "processingClass",
  "trainDataset",
  "evalDataset",
  "datasetTextField",
  "formattingFunc",
  "maxSeqLength",
  "packing",
  "datasetNumProc",
  "args",
  "callbacks",
];

const ALL_TOKENS = "All tokens of a text are learnt; rows with input_ids and labels of -100 leave some out.";
const OWN_OPTIMIZER = "Choose it by optim and lrSchedulerType in TrainingArguments.";

/** Options of TRL that people know and tunelab does differently: what to do instead. */
export const ELSEWHERE = {
  peftConfig: "Attach the adapter before: model: await FastLanguageModel.getPeftModel(model, { r: 16 }).",
  dataCollator: ALL_TOKENS,
  completionOnlyLoss: ALL_TOKENS,
  computeLossFunc: "The loss is the cross-entropy of the next token.",
  computeMetrics: "An evaluation gives eval_loss; generate answers to judge them otherwise.",
  preprocessLogitsForMetrics: "An evaluation gives eval_loss; generate answers to judge them otherwise.",
  optimizers: OWN_OPTIMIZER,
  optimizerClsAndKwargs: OWN_OPTIMIZER,
  modelInitKwargs: "Load the model before: FastLanguageModel.fromPretrained({ … }).",
  evalPacking: "Give packing: it holds for both datasets.",
  datasetKwargs: "Leave it out, and prepare the texts with dataset.map().",
  datasetBatchSize: "Leave it out: texts are turned into tokens one by one.",
  numOfSequences: "Leave it out: packing fills rows of maxSeqLength.",
  neftuneNoiseAlpha: "Noise in the embeddings is not part of tunelab; loraDropout of getPeftModel also regularises.",
  maxLength: "Its name is maxSeqLength; SFTConfig knows both.",
} as const;

type Preparation = TextOptions & Pick<SFTTrainerOptions, "formattingFunc">;

export interface TrainOptions {
  /** Goes on from a checkpoint: a folder, or true for the newest one in outputDir. Default false. */
  resumeFromCheckpoint?: string | boolean;
}

/**
 * Trains a model on texts, with the loss over all their tokens.
 *
 * In a notebook a chart of the run is drawn in the cell; elsewhere a line is printed for each log record. Both are
 * turned off by `disableTqdm`. Ctrl-C or the interrupt button ends training after the current step with a checkpoint, and
 * so that the cells below do not run; `stop()` does the same and lets the notebook go on.
 *
 * @example
 * const trainer = new SFTTrainer({ model: peft, tokenizer, trainDataset: dataset, datasetTextField: "text",
 *   maxSeqLength: 2048, args: new TrainingArguments({ maxSteps: 60, learningRate: 2e-4, loggingSteps: 10 }) });
 * const stats = await trainer.train();
 * @throws TunelabError for unknown options, an empty dataset, a missing column, tokens outside the vocabulary, or a half
 *   precision that is not the model's
 */
export class SFTTrainer {
  readonly model: TrainableModel;
  readonly tokenizer: TrainingTokenizer;
  readonly args: TrainingArguments;
  /** transformers' TrainerState: step, epoch, log records, best metric. Kept after an interrupt or an error. */
  state: TrainerState = createTrainerState();
  readonly #callbacks: readonly TrainerCallback[];
  readonly #trainExamples: readonly Example[];
  readonly #evalExamples: readonly Example[] | null;
  readonly #preparation: Preparation;
  #run: TrainingRun | null = null;

  constructor(options: SFTTrainerOptions) {
    checkOptions("SFTTrainer", options, OPTIONS, ELSEWHERE);
    const { model, trainDataset, evalDataset = null } = options;
    this.model = model ?? fail("SFTTrainer needs a model.", { hint: "Give it the result of getPeftModel." });
    if (typeof this.model.trainableParameters !== "function") {
      fail(`SFTTrainer cannot train ${shown(model)}.`, { hint: "Give it the result of getPeftModel." });
    }
    this.tokenizer = pickTokenizer(options);
    this.args = pickArguments(options.args);
    checkPrecision(this.args, this.model);
    if (!trainDataset) fail("SFTTrainer needs a trainDataset.");
    if (this.args.evalStrategy !== "no" && evalDataset === null) {
      fail(`evalStrategy is "${this.args.evalStrategy}", but there is no evalDataset.`, {
        hint: 'Give one to SFTTrainer, or set evalStrategy to "no".',
      });
    }
    const texts = pickTexts(options, this.args);
    const { datasetNumProc = null, packing = false } = texts;
    if (typeof packing !== "boolean") fail(`packing is ${shown(packing)}, but it must be true or false.`);
    if (datasetNumProc !== null && !(Number.isInteger(datasetNumProc) && datasetNumProc > 0)) {
      fail(`datasetNumProc is ${datasetNumProc}, but it must be a whole number of at least 1.`);
    }
    this.#callbacks = options.callbacks ?? [];
    this.#preparation = options.formattingFunc ? { ...texts, formattingFunc: options.formattingFunc } : texts;
    this.#trainExamples = this.#prepare("trainDataset", trainDataset);
    this.#evalExamples = evalDataset === null ? null : this.#prepare("evalDataset", evalDataset);
  }

  /**
   * Trains from the start, or on from a checkpoint; either way `state` begins anew.
   * @returns updates done, mean loss, and speed figures under transformers' names
   * @throws TrainingInterrupted after Ctrl-C or the interrupt button, TrainingDiverged when the loss is no number
   */
  async train(options: TrainOptions = {}): Promise<TrainOutput> {
    checkOptions("train", options, ["resumeFromCheckpoint"]);
    const resume = options.resumeFromCheckpoint ?? false;
    if (this.#run !== null && !this.#run.abandoned) {
      fail("This trainer is training already.", { hint: "Wait for its train() to end." });
    }
    this.state = createTrainerState();
    const run = new TrainingRun({
      model: this.model,
      tokenizer: this.tokenizer,
      args: this.args,
      trainExamples: this.#trainExamples,
      evalExamples: this.#evalExamples,
      callbacks: [...this.#progress(), ...this.#callbacks],
      state: this.state,
    });
    this.#run = run;
    try {
      if (this.args.saveStrategy !== "no") await makeOutputDir(this.args.outputDir);
      return await run.execute(resume === false ? null : resume);
    } finally {
      if (this.#run === run) this.#run = null;
    }
  }

  /**
   * Ends training after the current step: `train()` saves a checkpoint and resolves with what was reached, and
   * `train({ resumeFromCheckpoint: true })` goes on from there. Does nothing when no training runs, so that a Stop
   * button may outlive it.
   *
   * @example
   * new Button({ description: "Stop" }).onClick(() => trainer.stop());
   */
  stop(): void {
    this.#run?.stop();
  }

  /**
   * The loss over the evaluation dataset, also added to `state.logHistory`.
   * @param evalDataset another dataset than the trainer's own
   */
  async evaluate(evalDataset?: TrainingDataset): Promise<EvaluationMetrics & { epoch: number }> {
    const examples = evalDataset ? this.#prepare("evalDataset", evalDataset) : this.#evalExamples;
    if (examples === null)
      fail("There is no evalDataset to evaluate on.", { hint: "Give one to SFTTrainer or evaluate()." });
    const { args, model, state } = this;
    const watch = watchInterrupt();
    try {
      const options = {
        batchSize: args.perDeviceEvalBatchSize,
        maxTokens: args.maxTokensPerForward ?? DEFAULT_PASS_TOKENS,
        isStopped: () => watch.interrupted,
      };
      const metrics = await evaluateExamples(model, examples, options);
      if (metrics === null) fail("The evaluation was interrupted.");
      state.logHistory.push({ ...metrics, epoch: state.epoch, step: state.globalStep });
      const control = { shouldTrainingStop: false, shouldSave: false, shouldEvaluate: false, shouldLog: false };
      const plan = planTraining(this.#trainExamples.length, args);
      await notify(this.#callbacks, "onEvaluate", { args, state, control, model, plan, passes: null, metrics });
      return { ...metrics, epoch: state.epoch };
    } finally {
      watch.stop();
    }
  }

  /** Writes the trained adapter and the tokenizer's files into a folder. Default: `args.outputDir`. */
  async saveModel(dir: string = this.args.outputDir): Promise<void> {
    await this.model.savePretrained(dir);
    await this.tokenizer.savePretrained?.(dir);
  }

  /** One line in a terminal or a cell, instead of the whole model. */
  [inspect.custom](): string {
    const { perDeviceTrainBatchSize, gradientAccumulationSteps, optim, learningRate } = this.args;
    const { totalSteps } = planTraining(this.#trainExamples.length, this.args);
    return (
      `SFTTrainer { ${this.#trainExamples.length} examples, ${totalSteps} steps of ${perDeviceTrainBatchSize} x ` +
      `${gradientAccumulationSteps}, ${optim}, learning rate ${learningRate}, ${this.state.globalStep} done }`
    );
  }

  #prepare(name: string, dataset: TrainingDataset): readonly Example[] {
    const options = this.#preparation;
    const maxSeqLength = options.maxSeqLength ?? longestText(this.model);
    if (!Number.isInteger(maxSeqLength) || maxSeqLength < 2) {
      fail(`maxSeqLength is ${shown(maxSeqLength)}, but it must be a whole number of at least 2.`);
    }
    const { maxPositionEmbeddings } = this.model.config;
    if (maxSeqLength > maxPositionEmbeddings) {
      fail(`maxSeqLength is ${maxSeqLength}, but the model has positions for ${maxPositionEmbeddings} tokens.`);
    }
    const exampleOptions: ExampleOptions = {
      name,
      textField: options.datasetTextField ?? "text",
      formattingFunc: options.formattingFunc,
      maxSeqLength,
      vocabSize: this.model.config.vocabSize,
    };
    const prepared = prepareExamples(dataset, this.tokenizer, exampleOptions);
    const message = truncationMessage(prepared, exampleOptions);
    if (message !== null) console.warn(message);
    return options.packing ? packExamples(prepared.examples, maxSeqLength) : prepared.examples;
  }

  #progress(): TrainerCallback[] {
    if (this.args.disableTqdm) return [];
    const display = notebookDisplay();
    const lines = display === null || display.inTerminal === true ? [new ConsoleProgress()] : [];
    return display === null ? lines : [...lines, new ChartProgress(lines.length === 0)];
  }
}

function pickTokenizer({ tokenizer, processingClass }: SFTTrainerOptions): TrainingTokenizer {
  if (tokenizer && processingClass && tokenizer !== processingClass) {
    fail("tokenizer and processingClass are two names of the same option, but two different values were given.");
  }
  return tokenizer ?? processingClass ?? fail("SFTTrainer needs a tokenizer.");
}

function pickArguments(args: TrainingArguments | SFTConfigOptions | undefined): TrainingArguments {
  if (args === undefined) return new TrainingArguments();
  // Plain options are complete and checked only after they went through the class.
  return args instanceof TrainingArguments ? args : new SFTConfig(args);
}

/** What the trainer and an SFTConfig say of the texts. */
function pickTexts(options: SFTTrainerOptions, args: TrainingArguments): TextOptions {
  const own = textsOf(options);
  const configured = args instanceof SFTConfig ? textsOf(args) : {};
  for (const name of Object.keys(own) as (keyof TextOptions)[]) {
    if (name in configured && configured[name] !== own[name]) {
      fail(`${name} is ${shown(own[name])} for SFTTrainer, but ${shown(configured[name])} in its args.`);
    }
  }
  return { ...configured, ...own };
}

function longestText(model: TrainableModel & { maxSeqLength?: number }): number {
  return model.maxSeqLength ?? model.config.maxPositionEmbeddings;
}
