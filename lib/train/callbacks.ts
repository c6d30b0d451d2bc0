/** What can look into a training run, and steer it. */
import type { TrainingPlan } from "./sampler.js";
import type { PassBudget, TrainableModel } from "./trainable.js";
import type { LogRecord, StatefulCallback, TrainerState } from "./trainerState.js";
import type { TrainingArguments } from "./trainingArguments.js";

/** Wishes of callbacks that the loop carries out; transformers' TrainerControl. */
export interface TrainerControl {
  shouldTrainingStop: boolean;
  shouldSave: boolean;
  shouldEvaluate: boolean;
  shouldLog: boolean;
}

export interface TrainerEvent {
  readonly args: TrainingArguments;
  readonly state: TrainerState;
  readonly control: TrainerControl;
  readonly model: TrainableModel;
  /** Examples, batches and updates of the run. */
  readonly plan: TrainingPlan;
  /** How the model divides memory for the run; null where it does not. */
  readonly passes: PassBudget | null;
}

/** One update as it happened. */
export interface StepReport {
  /** Mean loss of the update; no number where it was skipped because the activations overflowed float16. */
  readonly loss: number;
  /** Norm of the gradients before clipping, without loss scale; not finite where the update was skipped. */
  readonly gradNorm: number;
  /** The rate that the update used, or would have. */
  readonly learningRate: number;
  /** What the gradients were multiplied by on their way; null where the model is not computed in float16. */
  readonly lossScale: number | null;
  /** Whether the parameters stayed as they were, because something overflowed float16. */
  readonly skipped: boolean;
  /** Tokens that went through the model. */
  readonly tokens: number;
  /** Tokens per second since training began. */
  readonly tokensPerSecond: number;
  /** Seconds that the remaining updates will take. */
  readonly etaSeconds: number;
}

/** How the run ended; "stopped" is by the trainer's stop(). */
export type Outcome = "finished" | "stopped" | "interrupted" | "failed";

/** Every hook is optional, may be async, and is awaited. */
export interface TrainerCallback {
  onTrainBegin?(event: TrainerEvent): void | Promise<void>;
  onEpochBegin?(event: TrainerEvent): void | Promise<void>;
  onStepBegin?(event: TrainerEvent): void | Promise<void>;
  onStepEnd?(event: TrainerEvent & { readonly step: StepReport }): void | Promise<void>;
  onEpochEnd?(event: TrainerEvent): void | Promise<void>;
  onLog?(event: TrainerEvent & { readonly logs: LogRecord }): void | Promise<void>;
  onEvaluate?(event: TrainerEvent & { readonly metrics: Readonly<Record<string, number>> }): void | Promise<void>;
  onSave?(event: TrainerEvent & { readonly checkpoint: string }): void | Promise<void>;
  /** Called at the end, also after an interrupt or an error. */
  onTrainEnd?(event: TrainerEvent & { readonly outcome: Outcome }): void | Promise<void>;
  /** With `setState`: what goes into trainer_state.json under the callback's class name, and comes back on resume. */
  getState?(): StatefulCallback;
  setState?(state: StatefulCallback): void;
}

type Hook = Exclude<keyof TrainerCallback, "getState" | "setState">;
type EventOf<H extends Hook> = Parameters<NonNullable<TrainerCallback[H]>>[0];

/** Calls one hook of all callbacks in order. */
export async function notify<H extends Hook>(
  callbacks: readonly TrainerCallback[],
  hook: H,
  event: EventOf<H>,
): Promise<void> {
  for (const callback of callbacks) {
    const handler = callback[hook] as ((event: EventOf<H>) => void | Promise<void>) | undefined;
    await handler?.call(callback, event);
  }
}

/** States of the callbacks that have one, and of the control, as transformers stores them. */
export function collectCallbackStates(
  callbacks: readonly TrainerCallback[],
  control: TrainerControl,
): Record<string, StatefulCallback> {
  const states: Record<string, StatefulCallback> = {};
  for (const callback of callbacks) {
    if (callback.getState) states[callback.constructor.name] = callback.getState();
  }
  states.TrainerControl = {
    args: {
      should_epoch_stop: false,
      should_evaluate: control.shouldEvaluate,
      should_log: control.shouldLog,
      should_save: control.shouldSave,
      should_training_stop: control.shouldTrainingStop,
    },
    attributes: {},
  };
  return states;
}

export function restoreCallbackStates(
  callbacks: readonly TrainerCallback[],
  states: Readonly<Record<string, StatefulCallback>>,
): void {
  for (const callback of callbacks) {
    const saved = states[callback.constructor.name];
    if (saved) callback.setState?.(saved);
  }
}
