/** What every optimizer does, and the numbers an update takes. */
import type { TensorEntry, TensorSource } from "../../formats/tensorEntry.js";

export interface AdamOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled: values shrink by learningRate x weightDecay at each update. */
  readonly weightDecay: number;
}

export interface Optimizer {
  /** Updates done. */
  readonly steps: number;
  /** Bytes that the running means take. */
  readonly stateBytes: number;
  /**
   * One update of all parameters from their gradients; a parameter without a gradient is left as it is.
   * @param gradScale factor on every gradient, from clipping
   */
  step(learningRate: number, gradScale: number): Promise<void>;
  /** The running means, by parameter, under the names that bitsandbytes or torch give them. */
  stateEntries(): TensorEntry[] | Promise<TensorEntry[]>;
  /** Continues from saved running means after `steps` updates. */
  loadState(steps: number, source: TensorSource): void;
  /** Frees running means that are not in JavaScript's memory. */
  dispose?(): void;
}

/** One update of one tensor. */
export interface AdamStep extends AdamOptions {
  readonly learningRate: number;
  readonly gradScale: number;
  /** Number of this update, from 1. */
  readonly step: number;
}
