/** Progress in a terminal: one line for each log record, with speed, time left and memory. */
import * as tf from "@tensorflow/tfjs";
import { formatSeconds } from "../charts/duration.js";
import { tensorMemory } from "../tensor/memory.js";
import type { StepReport, TrainerCallback, TrainerEvent } from "./callbacks.js";
import type { LogRecord } from "./trainerState.js";

export class ConsoleProgress implements TrainerCallback {
  #step: StepReport | null = null;

  /** @param write prints a line; console.log by default */
  constructor(readonly write: (line: string) => void = console.log) {}

  onTrainBegin({ plan, state, model, passes }: TrainerEvent): void {
    const trained = model.trainableParameters().reduce((sum, parameter) => sum + parameter.size, 0);
    const from = state.globalStep > 0 ? ` from step ${state.globalStep}` : "";
    this.write(
      `Training${from}: ${count(plan.numExamples, "example")}, ${count(state.maxSteps, "step")} of ${plan.batchSize} x ` +
        `${plan.accumulation}, ${trained.toLocaleString("en-US")} trainable parameters`,
    );
    if (passes !== null) this.write(`Memory: ${passes.summary}`);
  }

  onStepEnd({ step }: { step: StepReport }): void {
    this.#step = step;
  }

  onLog({ state, logs }: TrainerEvent & { logs: LogRecord }): void {
    const at = `step ${String(state.globalStep).padStart(String(state.maxSteps).length)}/${state.maxSteps}`;
    if (logs.loss !== undefined && this.#step !== null) {
      const { tokensPerSecond, etaSeconds } = this.#step;
      this.write(
        `${at}  loss ${logs.loss.toFixed(4)}  lr ${(logs.learning_rate ?? 0).toExponential(2)}  ` +
          `${Math.round(tokensPerSecond).toLocaleString("en-US")} tok/s  ETA ${formatSeconds(etaSeconds)}  ${memory()}`,
      );
    } else if (logs.eval_loss !== undefined) {
      this.write(`${at}  eval loss ${logs.eval_loss.toFixed(4)}  (${formatSeconds(logs.eval_runtime ?? 0)})`);
    } else if (logs.train_loss !== undefined) {
      const speed = Math.round(logs.train_tokens_per_second ?? 0).toLocaleString("en-US");
      this.write(
        `Trained in ${formatSeconds(logs.train_runtime ?? 0)}: mean loss ${logs.train_loss.toFixed(4)}, ${speed} tok/s`,
      );
    }
  }
}

/** The most that the GPU held, or resident memory of the process, and what the tensors take of it. */
function memory(): string {
  const { gpu } = tensorMemory();
  if (gpu !== null) return `GPU ${bytes(gpu.peak)} at most`;
  return `${bytes(process.memoryUsage().rss)} (tensors ${bytes(tf.memory().numBytes)})`;
}

function bytes(count: number): string {
  return count < 1e9 ? `${Math.round(count / 1e6)} MB` : `${(count / 1e9).toFixed(2)} GB`;
}

function count(value: number, noun: string): string {
  return `${value.toLocaleString("en-US")} ${noun}${value === 1 ? "" : "s"}`;
}
