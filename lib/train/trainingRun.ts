/** One run of training from its first to its last update: the loop that a person reads top to bottom. */
import { existsSync } from "node:fs";
import { fail } from "../errors.js";
import {
  countItems,
  countTokens,
  DEFAULT_PASS_TOKENS,
  type Example,
  packSequences,
  type Sequence,
  splitByBudget,
} from "./batch.js";
import {
  collectCallbackStates,
  notify,
  type Outcome,
  restoreCallbackStates,
  type StepReport,
  type TrainerCallback,
  type TrainerControl,
  type TrainerEvent,
} from "./callbacks.js";
import {
  changedArguments,
  checkpointPath,
  findCheckpoint,
  loadCheckpoint,
  pruneCheckpoints,
  saveCheckpoint,
} from "./checkpoint.js";
import { dueAfterStep, rememberBest } from "./decisions.js";
import { type EvaluationMetrics, evaluateExamples } from "./evaluation.js";
import { breathe, type InterruptWatch, watchInterrupt } from "./interrupt.js";
import { LossScaler } from "./lossScaler.js";
import { clipFactor, gradientNorm } from "./optim/clip.js";
import { createOptimizer } from "./optim/create.js";
import type { Optimizer } from "./optim/optimizer.js";
import { largestUpdate, mixSeed, planTraining, type SampledStep, Sampler, type TrainingPlan } from "./sampler.js";
import { createSchedule } from "./schedule.js";
import { TrainingDiverged, TrainingInterrupted } from "./stopped.js";
import { type RunFigures, Tally } from "./tally.js";
import { nonEmbeddingParameters, type PassBudget, type TrainableModel, type TrainingTokenizer } from "./trainable.js";
import type { LogRecord, TrainerState } from "./trainerState.js";
import type { TrainingArguments } from "./trainingArguments.js";

export interface TrainingRunInput {
  readonly model: TrainableModel;
  readonly tokenizer: TrainingTokenizer;
  readonly args: TrainingArguments;
  readonly trainExamples: readonly Example[];
  readonly evalExamples: readonly Example[] | null;
  readonly callbacks: readonly TrainerCallback[];
  /** A fresh state, filled as the run goes. */
  readonly state: TrainerState;
}

/** Figures of a whole run, with transformers' names. */
export type TrainMetrics = RunFigures & { total_flos: number; epoch: number };

/** What `trainer.train()` returns. */
export interface TrainOutput {
  /** Updates done. */
  readonly globalStep: number;
  /** Mean loss over all updates. */
  readonly trainingLoss: number;
  readonly metrics: TrainMetrics;
}

const FLOAT16_ADVICE =
  'Load the model with dtype: "bfloat16" or "float32", lower learningRate, or look for broken rows in the data.';

export class TrainingRun {
  readonly #input: TrainingRunInput;
  readonly #plan: TrainingPlan;
  readonly #sampler: Sampler;
  readonly #schedule: (step: number) => number;
  readonly #optimizer: Optimizer;
  /** Null where the model is not computed in float16. */
  #scaler: LossScaler | null;
  readonly #control: TrainerControl = {
    shouldTrainingStop: false,
    shouldSave: false,
    shouldEvaluate: false,
    shouldLog: false,
  };
  readonly #flosPerToken: number;
  readonly #tally: Tally;
  #passes: PassBudget | null = null;
  #watch: InterruptWatch = { interrupted: false, cellAborted: false, stop: () => {} };
  #stopped = false;
  #savedStep = -1;

  constructor(input: TrainingRunInput) {
    const { args, model, trainExamples, state } = input;
    this.#input = input;
    this.#plan = planTraining(trainExamples.length, args);
    const { totalSteps, numExamples, batchSize } = this.#plan;
    if (this.#plan.batchesPerEpoch === 0) {
      fail(
        `${numExamples} examples do not fill one batch of ${batchSize}, and dataloaderDropLast leaves out the rest.`,
      );
    }
    const seed = args.trainSamplingStrategy === "random" ? (args.dataSeed ?? args.seed) : null;
    this.#sampler = new Sampler(this.#plan, seed);
    this.#schedule = createSchedule({
      type: args.lrSchedulerType,
      learningRate: args.learningRate,
      warmupSteps: args.warmupSteps > 0 ? args.warmupSteps : Math.ceil(totalSteps * args.warmupRatio),
      totalSteps,
      options: args.lrSchedulerKwargs,
    });
    const parameters = model.trainableParameters();
    if (parameters.length === 0) {
      fail("The model has no trainable parameters.", {
        hint: "Attach an adapter with FastLanguageModel.getPeftModel().",
      });
    }
    this.#optimizer = createOptimizer(args.optim, parameters, {
      beta1: args.adamBeta1,
      beta2: args.adamBeta2,
      epsilon: args.adamEpsilon,
      weightDecay: args.weightDecay,
    });
    this.#scaler = model.computeType === "float16" ? new LossScaler() : null;
    this.#flosPerToken = 6 * nonEmbeddingParameters(model);
    this.#tally = new Tally(numExamples);
    const share = (steps: number) => (steps < 1 ? Math.ceil(totalSteps * steps) : steps);
    state.maxSteps = totalSteps;
    state.numTrainEpochs = this.#plan.numEpochs;
    state.trainBatchSize = batchSize;
    state.loggingSteps = share(args.loggingSteps);
    state.saveSteps = share(args.saveSteps);
    if (args.evalSteps !== null) state.evalSteps = share(args.evalSteps);
  }

  /** Whether the cell that this run belonged to was ended by force, so that the run stands still for good. */
  get abandoned(): boolean {
    return this.#watch.cellAborted;
  }

  /** Ends the run after the update that is under way, with a checkpoint to go on from. */
  stop(): void {
    this.#stopped = true;
    this.#control.shouldTrainingStop = true;
  }

  /** Trains to the end. Model and state stay as they are when it throws. */
  async execute(resumeFrom: string | true | null): Promise<TrainOutput> {
    const { model, args, state, callbacks } = this.#input;
    let outcome: Outcome = "failed";
    this.#watch = watchInterrupt();
    try {
      model.forTraining();
      if (resumeFrom !== null) await this.#resume(await findCheckpoint(args.outputDir, resumeFrom));
      const sizes = largestUpdate(this.#sampler, this.#input.trainExamples, state.globalStep, state.maxSteps);
      if (sizes.tokens > 0)
        this.#passes = model.planPasses?.({ ...sizes, maxTokens: args.maxTokensPerForward }) ?? null;
      await notify(callbacks, "onTrainBegin", this.#event());
      if (args.evalOnStart && state.globalStep === 0) await this.#evaluate();
      this.#tally.begin();
      while (state.globalStep < state.maxSteps && !this.#control.shouldTrainingStop) {
        await this.#update();
        await breathe();
        if (this.#watch.interrupted && state.globalStep < state.maxSteps) await this.#stopInterrupted();
      }
      const early = this.#stopped && state.globalStep < state.maxSteps;
      if (early && state.globalStep > 0) await this.#save(true);
      const output = await this.#finish();
      outcome = early ? "stopped" : "finished";
      return output;
    } catch (error) {
      if (error instanceof TrainingInterrupted) outcome = "interrupted";
      throw error;
    } finally {
      this.#watch.stop();
      this.#zeroGradients();
      this.#optimizer.dispose?.();
      model.endTraining?.();
      await notify(callbacks, "onTrainEnd", { ...this.#event(), outcome });
    }
  }

  async #update(): Promise<void> {
    const { args, state, callbacks, model } = this.#input;
    const sampled = this.#sampler.at(state.globalStep);
    Object.assign(this.#control, { shouldSave: false, shouldEvaluate: false, shouldLog: false });
    if (state.globalStep % this.#plan.updatesPerEpoch === 0) await notify(callbacks, "onEpochBegin", this.#event());
    await notify(callbacks, "onStepBegin", this.#event());

    const sequences = sampled.indices.flatMap((index) => this.#input.trainExamples[index]!);
    this.#refuseLabelFree(sequences, sampled);
    const lossScale = this.#scaler?.scale ?? null;
    const loss = await this.#forwardBackward(sequences, lossScale ?? 1);
    const scaledNorm = Number.isFinite(loss) ? await gradientNorm(model.trainableParameters()) : Number.NaN;
    const gradNorm = scaledNorm / (lossScale ?? 1);
    const skipped = !Number.isFinite(gradNorm);
    // Updates that were skipped are none to the schedule, as in transformers.
    const learningRate = this.#schedule(this.#optimizer.steps);
    if (skipped) {
      await this.#overflow(loss, gradNorm);
    } else {
      await this.#optimizer.step(learningRate, clipFactor(gradNorm, args.maxGradNorm) / (lossScale ?? 1));
      this.#scaler?.succeed();
    }
    this.#zeroGradients();

    const tokens = countTokens(sequences);
    this.#count(sampled, loss, tokens);
    const last = state.globalStep >= state.maxSteps;
    // The end of the run also ends an epoch that is not over.
    const endsEpoch = sampled.endsEpoch || last;
    Object.assign(this.#control, dueAfterStep(args, state, endsEpoch));
    if (last) this.#control.shouldTrainingStop = true;
    const step = {
      loss,
      gradNorm,
      learningRate,
      lossScale,
      skipped,
      tokens,
      ...this.#tally.speed(state.maxSteps - state.globalStep),
    };
    await notify(callbacks, "onStepEnd", { ...this.#event(), step });
    if (endsEpoch) await notify(callbacks, "onEpochEnd", this.#event());
    await this.#logEvaluateSave(step);
  }

  /** Gradients of the mean loss over the update's tokens, however many passes it takes. */
  async #forwardBackward(sequences: readonly Sequence[], lossScale: number): Promise<number> {
    const { args, state, model } = this.#input;
    const numItems = countItems(sequences, args.numItemsInBatch);
    this.#zeroGradients();
    let loss = 0;
    const most = this.#passes?.tokensPerPass ?? args.maxTokensPerForward ?? DEFAULT_PASS_TOKENS;
    for (const [index, group] of splitByBudget(sequences, most).entries()) {
      const seed = mixSeed(args.seed, state.globalStep, index);
      loss += await model.forwardBackward(packSequences(group), numItems, { seed, lossScale });
      if (!Number.isFinite(loss)) break;
    }
    return loss;
  }

  /** Something in the update is no finite number: the end of the run, or with a loss scale of this update alone. */
  async #overflow(loss: number, gradNorm: number): Promise<void> {
    const lost = !Number.isFinite(loss);
    if (this.#scaler === null) {
      await this.#stopDiverged(lost ? `The loss became ${loss}` : `The norm of the gradients became ${gradNorm}`);
      return;
    }
    const what = `${lost ? "activations" : "gradients"} overflowed float16`;
    const before = this.#scaler.scale;
    if (!this.#scaler.backOff()) {
      await this.#stopDiverged(`The ${what}, with the smallest loss scale (${before}),`, FLOAT16_ADVICE);
    }
    const now = this.#scaler.scale;
    console.warn(
      `Step ${this.#input.state.globalStep + 1} was skipped: its ${what}. The loss scale was ${before} and is ${now} now.`,
    );
  }

  #refuseLabelFree(sequences: readonly Sequence[], { indices }: SampledStep): void {
    if (countItems(sequences, "shifted") > 0) return;
    fail(
      `Step ${this.#input.state.globalStep + 1} has nothing to learn: all labels of examples ${indices.join(", ")} ` +
        "are -100, or their texts are one token long.",
      { hint: "Filter those examples out, or look at how the labels were masked." },
    );
  }

  #count(sampled: SampledStep, loss: number, tokens: number): void {
    const { state, args } = this.#input;
    state.globalStep++;
    state.epoch = sampled.epoch;
    state.totalFlos += this.#flosPerToken * tokens;
    if (args.includeNumInputTokensSeen) state.numInputTokensSeen += tokens;
    this.#tally.add(loss, sampled.indices.length, tokens);
  }

  async #logEvaluateSave({ gradNorm, learningRate, lossScale }: StepReport): Promise<void> {
    const { args, state } = this.#input;
    const loss = this.#control.shouldLog ? this.#tally.logged(state.globalStep) : null;
    if (loss !== null) {
      const scale = lossScale === null ? {} : { loss_scale: lossScale };
      await this.#log({ loss, grad_norm: gradNorm, learning_rate: learningRate, ...scale });
    }
    if (this.#control.shouldEvaluate) {
      const metrics = await this.#evaluate();
      if (metrics !== null) {
        const improved = rememberBest(args, state, metrics);
        if (args.saveStrategy === "best") this.#control.shouldSave = improved;
      }
    }
    if (this.#control.shouldSave) await this.#save();
  }

  async #log(values: Record<string, number>): Promise<void> {
    const { args, state, callbacks } = this.#input;
    const seen = args.includeNumInputTokensSeen ? { num_input_tokens_seen: state.numInputTokensSeen } : {};
    const record: LogRecord = { ...values, epoch: state.epoch, ...seen, step: state.globalStep };
    state.logHistory.push(record);
    await notify(callbacks, "onLog", { ...this.#event(), logs: record });
  }

  async #evaluate(): Promise<EvaluationMetrics | null> {
    const { args, model, evalExamples, callbacks } = this.#input;
    if (evalExamples === null) fail("There is no evalDataset to evaluate on.", { hint: "Give one to SFTTrainer." });
    const metrics = await evaluateExamples(model, evalExamples, {
      batchSize: args.perDeviceEvalBatchSize,
      // What training passes fit into, evaluations do.
      maxTokens: args.maxTokensPerForward ?? Math.min(DEFAULT_PASS_TOKENS, this.#passes?.tokensPerPass ?? Infinity),
      isStopped: () => this.#watch.interrupted || this.#stopped,
    });
    if (metrics === null) return null;
    await this.#log(metrics);
    await notify(callbacks, "onEvaluate", { ...this.#event(), metrics });
    return metrics;
  }

  /** @param resumable writes optimizer and progress even with saveOnlyModel */
  async #save(resumable = !this.#input.args.saveOnlyModel): Promise<string> {
    const { model, tokenizer, args, state, callbacks } = this.#input;
    const path = checkpointPath(args.outputDir, state.globalStep);
    if (this.#savedStep === state.globalStep) return path;
    if (state.bestGlobalStep !== null) {
      const best = checkpointPath(args.outputDir, state.bestGlobalStep);
      if (best === path || existsSync(best)) state.bestModelCheckpoint = best;
    }
    state.statefulCallbacks = collectCallbackStates(callbacks, this.#control);
    const optimizerSteps = this.#optimizer.steps;
    const progress = { ...this.#tally.counted, optimizerSteps, lossScale: this.#scaler?.state ?? null };
    await saveCheckpoint({ model, tokenizer, args, optimizer: this.#optimizer, state, progress, resumable });
    this.#savedStep = state.globalStep;
    const keep = state.bestModelCheckpoint === null ? [path] : [path, state.bestModelCheckpoint];
    await pruneCheckpoints(args.outputDir, args.saveTotalLimit, [...new Set(keep)]);
    await notify(callbacks, "onSave", { ...this.#event(), checkpoint: path });
    return path;
  }

  async #resume(path: string): Promise<void> {
    const { model, args, state, callbacks } = this.#input;
    const { maxSteps, numTrainEpochs, loggingSteps, evalSteps, saveSteps } = state;
    for (const change of await changedArguments(path, args)) console.warn(`Resuming with another option: ${change}`);
    const loaded = await loadCheckpoint(path, model, this.#optimizer);
    if (loaded.progress.numExamples !== this.#plan.numExamples) {
      fail(
        `${path} was written with ${loaded.progress.numExamples} examples, but there are ${this.#plan.numExamples} now.`,
        {
          hint: "Resume with the same dataset.",
        },
      );
    }
    Object.assign(state, loaded.state, { maxSteps, numTrainEpochs, loggingSteps, evalSteps, saveSteps });
    this.#tally.restore(loaded.progress);
    if (this.#scaler !== null) this.#scaler = new LossScaler(loaded.progress.lossScale ?? undefined);
    this.#savedStep = state.globalStep;
    restoreCallbackStates(callbacks, state.statefulCallbacks);
  }

  async #stopInterrupted(): Promise<never> {
    const { globalStep, maxSteps } = this.#input.state;
    throw new TrainingInterrupted(globalStep, maxSteps, await this.#save(true));
  }

  async #stopDiverged(what: string, advice?: string): Promise<never> {
    const { globalStep } = this.#input.state;
    this.#zeroGradients();
    throw new TrainingDiverged(globalStep + 1, what, globalStep === 0 ? null : await this.#save(true), advice);
  }

  async #finish(): Promise<TrainOutput> {
    const { args, model, state } = this.#input;
    if (args.loadBestModelAtEnd && state.bestModelCheckpoint !== null)
      await model.loadAdapter?.(state.bestModelCheckpoint);
    const { train_loss, ...speed } = this.#tally.figures(state.globalStep);
    const figures = { ...speed, total_flos: state.totalFlos, train_loss };
    await this.#log(figures);
    return {
      globalStep: state.globalStep,
      trainingLoss: train_loss,
      metrics: { ...figures, epoch: state.epoch },
    };
  }

  #zeroGradients(): void {
    for (const parameter of this.#input.model.trainableParameters()) parameter.zeroGrad();
  }

  #event(): TrainerEvent {
    const { args, state, model } = this.#input;
    return { args, state, control: this.#control, model, plan: this.#plan, passes: this.#passes };
  }
}
