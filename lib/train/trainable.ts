/** What the trainer needs of a model: losses, gradients added up in parameters, and files. */
import type { ModelConfig } from "../models/config.js";
import type { ComputeType } from "../tensor/cuda/weights.js";
import type { PackedBatch } from "../tensor/layers.js";
import type { Parameter } from "../tensor/parameter.js";

/** What differs from one forward and backward pass to the next, apart from the batch. */
export interface TrainingPass {
  /** Seeds the dropout masks: a function of the run's seed, the step and the micro-batch, so that resuming repeats it. */
  readonly seed: number;
  /** Factor on all gradients, so that small ones survive in float16; the loss is returned without it. Default 1. */
  readonly lossScale?: number;
}

/** What a run will ask of the model. */
export interface TrainingLoad {
  /** Of the largest update. */
  readonly tokens: number;
  /** Of the longest sequence. */
  readonly longest: number;
  /** The most tokens that a pass may have; null: as many as memory allows. */
  readonly maxTokens: number | null;
}

/** How the model divides memory for a run. */
export interface PassBudget {
  /** The most tokens of a pass. */
  readonly tokensPerPass: number;
  /** The choice in a sentence. */
  readonly summary: string;
}

export interface TrainableModel {
  readonly config: ModelConfig;
  /** What activations and their gradients are computed in. Default "float32". */
  readonly computeType?: ComputeType;
  /** The parameters that the optimizer updates, always in the same order. */
  trainableParameters(): readonly Parameter[];
  /** Called once before the first step. */
  forTraining(): void;
  /** Called once after that: divides memory for what is to come. Without it passes have up to 8,192 tokens. */
  planPasses?(load: TrainingLoad): PassBudget;
  /** Called once after the last step: gives back what was only kept for the next pass. */
  endTraining?(): void;
  /**
   * Adds the gradients of sum(cross entropies of the batch) / numItems to `Parameter.grad`.
   * @returns that share of the step's loss
   */
  forwardBackward(batch: PackedBatch, numItems: number, pass: TrainingPass): Promise<number>;
  /** Sum of the cross entropies of the batch and how many tokens it sums over; no gradients, no dropout. */
  evaluateLoss(batch: PackedBatch): Promise<{ lossSum: number; numItems: number }>;
  /** Writes what was trained (for LoRA: adapter_model.safetensors and adapter_config.json) into a folder. */
  savePretrained(dir: string): Promise<void>;
  /** Puts the values that `savePretrained` wrote back into the parameters, bit for bit. Needed to resume. */
  loadAdapter?(dir: string): Promise<void>;
}

/** The part of a tokenizer that training uses. */
export interface TrainingTokenizer {
  encode(text: string, options?: { addSpecialTokens?: boolean }): number[];
  readonly bosToken?: string | null;
  savePretrained?(dir: string): Promise<void> | void;
}

/** Columns of equal length: a `Dataset`, or anything of its shape. */
export interface ColumnDataset {
  readonly numRows: number;
  readonly columnNames: readonly string[];
  column(name: string): ArrayLike<unknown>;
}

/** What `trainDataset` and `evalDataset` accept: a dataset, or plain rows. */
export type TrainingDataset = ColumnDataset | readonly Readonly<Record<string, unknown>>[];

/** Parameters a token passes through: everything but the embedding table, as Hugging Face counts them for FLOPs. */
export function nonEmbeddingParameters(model: TrainableModel): number {
  const { hiddenSize, intermediateSize, numHeads, numKvHeads, headDim, numLayers, vocabSize, attentionBias } =
    model.config;
  const queries = numHeads * headDim;
  const keys = numKvHeads * headDim;
  const attention = hiddenSize * (2 * queries + 2 * keys) + (attentionBias ? queries + 2 * keys : 0);
  const layer = attention + 3 * hiddenSize * intermediateSize + 2 * hiddenSize;
  const head = model.config.tieWordEmbeddings ? 0 : vocabSize * hiddenSize;
  const trained = model.trainableParameters().reduce((sum, parameter) => sum + parameter.size, 0);
  return numLayers * layer + hiddenSize + head + trained;
}
