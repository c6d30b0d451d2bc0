/** What a run has counted: losses in all and since the last record, tokens, and how fast it goes. */
import type { StepReport } from "./callbacks.js";
import type { Progress } from "./checkpoint.js";
import { rounded, type SpeedMetrics, secondsSince, speedMetrics } from "./metrics.js";

/** Figures of a whole run, with transformers' names. */
export type RunFigures = SpeedMetrics<"train"> & {
  /** Real tokens; there is no padding. */
  train_tokens_per_second: number;
  train_loss: number;
};

export class Tally {
  #counted: Omit<Progress, "optimizerSteps" | "lossScale">;
  /** Since `begin`: what was done before a resumed run says nothing about its speed. */
  #session = { steps: 0, samples: 0, tokens: 0 };
  #start = 0;

  constructor(numExamples: number) {
    this.#counted = {
      numExamples,
      totalLoss: 0,
      lossSinceLog: 0,
      lastLoggedStep: 0,
      tokensSeen: 0,
      lostLosses: 0,
      lostSinceLog: 0,
    };
  }

  /** What a checkpoint keeps. */
  get counted(): Omit<Progress, "optimizerSteps" | "lossScale"> {
    return { ...this.#counted };
  }

  /** Goes on from a checkpoint. */
  restore({ optimizerSteps: _, lossScale: __, ...counted }: Progress): void {
    this.#counted = { ...this.#counted, ...counted };
  }

  /** From here on time counts. */
  begin(): void {
    this.#start = performance.now();
  }

  /** An update is done; a loss that is no finite number counts in no mean. */
  add(loss: number, samples: number, tokens: number): void {
    if (Number.isFinite(loss)) {
      this.#counted.totalLoss += loss;
      this.#counted.lossSinceLog += loss;
    } else {
      this.#counted.lostLosses++;
      this.#counted.lostSinceLog++;
    }
    this.#counted.tokensSeen += tokens;
    this.#session.steps++;
    this.#session.samples += samples;
    this.#session.tokens += tokens;
  }

  speed(remainingSteps: number): Pick<StepReport, "tokensPerSecond" | "etaSeconds"> {
    const seconds = secondsSince(this.#start);
    return {
      tokensPerSecond: this.#session.tokens / seconds,
      etaSeconds: (remainingSteps * seconds) / this.#session.steps,
    };
  }

  /** The mean loss of the updates since the last record, which is this one now; null where there was none. */
  logged(step: number): number | null {
    const { lastLoggedStep, lostSinceLog, lossSinceLog } = this.#counted;
    if (step <= lastLoggedStep) return null;
    Object.assign(this.#counted, { lossSinceLog: 0, lostSinceLog: 0, lastLoggedStep: step });
    return rounded(lossSinceLog / (step - lastLoggedStep - lostSinceLog), 4);
  }

  /** At the end, after `steps` updates in all. */
  figures(steps: number): RunFigures {
    return {
      ...speedMetrics("train", { start: this.#start, ...this.#session }),
      train_tokens_per_second: rounded(this.#session.tokens / secondsSince(this.#start), 3),
      train_loss: this.#counted.totalLoss / Math.max(steps - this.#counted.lostLosses, 0.001),
    };
  }
}
