/** When a run logs, evaluates and saves, and which evaluation is the best so far: transformers' rules. */
import { fail } from "../errors.js";
import type { TrainerControl } from "./callbacks.js";
import type { TrainerState } from "./trainerState.js";
import type { TrainingArguments } from "./trainingArguments.js";

/** What is due after the update that `state` has just counted (DefaultFlowCallback). */
export function dueAfterStep(
  args: TrainingArguments,
  state: TrainerState,
  endsEpoch: boolean,
): Pick<TrainerControl, "shouldLog" | "shouldEvaluate" | "shouldSave"> {
  const { globalStep, maxSteps } = state;
  const every = (steps: number) => globalStep % steps === 0;
  const last = globalStep >= maxSteps;
  return {
    shouldLog:
      (globalStep === 1 && args.loggingFirstStep) ||
      (args.loggingStrategy === "steps" && every(state.loggingSteps)) ||
      (args.loggingStrategy === "epoch" && endsEpoch),
    shouldEvaluate:
      (args.evalStrategy === "steps" && (last || every(state.evalSteps))) ||
      (args.evalStrategy === "epoch" && endsEpoch),
    shouldSave:
      (args.saveStrategy === "steps" && (last || every(state.saveSteps))) ||
      (args.saveStrategy === "epoch" && endsEpoch),
  };
}

/** Notes an evaluation in `state` when it is the best so far; returns whether it is. */
export function rememberBest(
  args: TrainingArguments,
  state: TrainerState,
  metrics: Readonly<Record<string, number>>,
): boolean {
  if (args.metricForBestModel === null) return false;
  const name = `eval_${args.metricForBestModel.replace(/^eval_/, "")}`;
  const value = metrics[name];
  if (value === undefined) {
    fail(`The evaluation has no metric "${name}" for metricForBestModel.`, {
      hint: `It has ${Object.keys(metrics).join(", ")}.`,
    });
  }
  const { bestMetric } = state;
  const better = bestMetric === null || (args.greaterIsBetter ? value > bestMetric : value < bestMetric);
  if (better) {
    state.bestMetric = value;
    state.bestGlobalStep = state.globalStep;
  }
  return better;
}
