/** Progress in a notebook: one chart of the run, redrawn as it goes. */
import { LiveChart } from "../charts/liveChart.js";
import type { CurvePoint } from "../charts/trainingCurve.js";
import type { Outcome, StepReport, TrainerCallback, TrainerEvent } from "./callbacks.js";
import type { TrainerState } from "./trainerState.js";

export class ChartProgress implements TrainerCallback {
  #chart: LiveChart | null = null;

  /** @param alone nothing else tells of the run in words */
  constructor(readonly alone: boolean) {}

  onTrainBegin({ state, passes }: TrainerEvent): void {
    if (this.alone && passes !== null) console.log(`Memory: ${passes.summary}`);
    this.#chart = new LiveChart({ title: "Training", maxSteps: state.maxSteps, startStep: state.globalStep });
    this.#chart.addPast(loggedPoints(state));
    this.#chart.show();
  }

  onStepEnd({ state, step }: TrainerEvent & { step: StepReport }): void {
    const { loss, learningRate, tokensPerSecond, etaSeconds } = step;
    if (Number.isNaN(loss)) return;
    this.#chart?.add({ step: state.globalStep, loss, learningRate, tokensPerSecond, etaSeconds });
  }

  onEvaluate({ state, metrics }: TrainerEvent & { metrics: Readonly<Record<string, number>> }): void {
    if (metrics.eval_loss !== undefined)
      this.#chart?.addEvaluation({ step: state.globalStep, loss: metrics.eval_loss });
  }

  onTrainEnd({ outcome }: TrainerEvent & { outcome: Outcome }): void {
    this.#chart?.finish(outcome);
    this.#chart = null;
  }
}

/** What the log of a resumed run still knows of its earlier updates. */
function loggedPoints({ logHistory }: TrainerState): CurvePoint[] {
  return logHistory.flatMap(({ step, loss, learning_rate: learningRate }) =>
    loss === undefined || Number.isNaN(loss) || learningRate === undefined ? [] : [{ step, loss, learningRate }],
  );
}
