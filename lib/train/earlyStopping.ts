/** Stops training when the evaluation no longer improves. */
import { checkOptions, fail } from "../errors.js";
import type { TrainerCallback, TrainerEvent } from "./callbacks.js";
import type { StatefulCallback } from "./trainerState.js";

export interface EarlyStoppingOptions {
  /** Evaluations without improvement after which training stops. Default 1. */
  earlyStoppingPatience?: number;
  /** An improvement must be larger than this. Default 0. */
  earlyStoppingThreshold?: number;
}

/**
 * transformers' EarlyStoppingCallback; needs `evalStrategy` and `metricForBestModel` (or `loadBestModelAtEnd`).
 *
 * @example
 * new SFTTrainer({ ..., callbacks: [new EarlyStoppingCallback({ earlyStoppingPatience: 3 })] })
 */
export class EarlyStoppingCallback implements TrainerCallback {
  readonly patience: number;
  readonly threshold: number;
  #failures = 0;

  constructor(options: EarlyStoppingOptions = {}) {
    checkOptions("EarlyStoppingCallback", options, ["earlyStoppingPatience", "earlyStoppingThreshold"]);
    this.patience = options.earlyStoppingPatience ?? 1;
    this.threshold = options.earlyStoppingThreshold ?? 0;
    if (!Number.isInteger(this.patience) || this.patience < 1) {
      fail(`earlyStoppingPatience is ${this.patience}, but it must be a whole number of at least 1.`);
    }
  }

  onTrainBegin({ args }: TrainerEvent): void {
    if (args.evalStrategy === "no" || args.metricForBestModel === null) {
      fail("EarlyStoppingCallback has no evaluations to judge by.", {
        hint: 'Set evalStrategy to "steps" or "epoch", and metricForBestModel, e.g. to "loss".',
      });
    }
  }

  onEvaluate({ args, state, control, metrics }: TrainerEvent & { metrics: Readonly<Record<string, number>> }): void {
    const name = `eval_${(args.metricForBestModel ?? "loss").replace(/^eval_/, "")}`;
    const value = metrics[name];
    if (value === undefined) {
      fail(`The evaluation has no metric "${name}" to stop by.`, {
        hint: `It has ${Object.keys(metrics).join(", ")}.`,
      });
    }
    const best = state.bestMetric;
    const gain = best === null ? Number.POSITIVE_INFINITY : args.greaterIsBetter ? value - best : best - value;
    this.#failures = gain > this.threshold ? 0 : this.#failures + 1;
    if (this.#failures >= this.patience) control.shouldTrainingStop = true;
  }

  getState(): StatefulCallback {
    return {
      args: { early_stopping_patience: this.patience, early_stopping_threshold: this.threshold },
      attributes: { early_stopping_patience_counter: this.#failures },
    };
  }

  setState({ attributes }: StatefulCallback): void {
    this.#failures = Number(attributes.early_stopping_patience_counter ?? 0);
  }
}
