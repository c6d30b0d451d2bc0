/** Which examples each update sees. Every epoch is a permutation of its own seed, so a position is all a resume needs. */
import { permutation } from "../random.js";
import { countTokens, type Example } from "./batch.js";

/** Sizes of a run in the trainer's units. */
export interface TrainingPlan {
  readonly numExamples: number;
  readonly batchSize: number;
  readonly accumulation: number;
  /** Micro-batches in one epoch. */
  readonly batchesPerEpoch: number;
  /** Optimizer updates in one epoch. */
  readonly updatesPerEpoch: number;
  readonly totalSteps: number;
  readonly numEpochs: number;
}

export interface PlanInput {
  readonly perDeviceTrainBatchSize: number;
  readonly gradientAccumulationSteps: number;
  readonly dataloaderDropLast: boolean;
  readonly maxSteps: number;
  readonly numTrainEpochs: number;
}

/** Epochs, updates and micro-batches as transformers counts them; the last update of an epoch may be a smaller one. */
export function planTraining(numExamples: number, args: PlanInput): TrainingPlan {
  const batchSize = args.perDeviceTrainBatchSize;
  const accumulation = args.gradientAccumulationSteps;
  const batches = args.dataloaderDropLast ? Math.floor(numExamples / batchSize) : Math.ceil(numExamples / batchSize);
  const updatesPerEpoch = Math.max(1, Math.ceil(batches / accumulation));
  const totalSteps = args.maxSteps > 0 ? args.maxSteps : Math.ceil(args.numTrainEpochs * updatesPerEpoch);
  const numEpochs = args.maxSteps > 0 ? Math.ceil(args.maxSteps / updatesPerEpoch) : Math.ceil(args.numTrainEpochs);
  return { numExamples, batchSize, accumulation, batchesPerEpoch: batches, updatesPerEpoch, totalSteps, numEpochs };
}

/** A seed that depends on all the numbers given. */
export function mixSeed(...parts: readonly number[]): number {
  let mixed = 0x9e3779b9;
  for (const part of parts) {
    mixed = Math.imul(mixed ^ part, 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    mixed ^= mixed >>> 16;
  }
  return mixed >>> 0;
}

/** The examples of one update, and where in the epochs it ends. */
export interface SampledStep {
  readonly indices: readonly number[];
  /** Epochs done after this update, e.g. 0.96. */
  readonly epoch: number;
  /** 0-based epoch that the update belongs to. */
  readonly epochIndex: number;
  readonly endsEpoch: boolean;
}

export class Sampler {
  #epoch = -1;
  #order: Int32Array = new Int32Array(0);

  /** @param seed shuffles each epoch; null keeps the dataset's order */
  constructor(
    readonly plan: TrainingPlan,
    readonly seed: number | null,
  ) {}

  /** The update numbered `step`, from 0. */
  at(step: number): SampledStep {
    const { numExamples, batchSize, accumulation, batchesPerEpoch, updatesPerEpoch } = this.plan;
    const epochIndex = Math.floor(step / updatesPerEpoch);
    const order = this.#orderOf(epochIndex);
    const firstBatch = (step % updatesPerEpoch) * accumulation;
    const endBatch = Math.min(firstBatch + accumulation, batchesPerEpoch);
    const end = Math.min(endBatch * batchSize, numExamples);
    return {
      indices: Array.from(order.subarray(firstBatch * batchSize, end)),
      epoch: epochIndex + endBatch / batchesPerEpoch,
      epochIndex,
      endsEpoch: endBatch === batchesPerEpoch,
    };
  }

  #orderOf(epoch: number): Int32Array {
    if (epoch !== this.#epoch) {
      const { numExamples } = this.plan;
      this.#order =
        this.seed === null
          ? Int32Array.from({ length: numExamples }, (_, index) => index)
          : permutation(numExamples, mixSeed(this.seed, epoch));
      this.#epoch = epoch;
    }
    return this.#order;
  }
}

/** Tokens of the largest of the updates `from` to before `to`, and of the longest sequence in any of them. */
export function largestUpdate(
  sampler: Sampler,
  examples: readonly Example[],
  from: number,
  to: number,
): { tokens: number; longest: number } {
  let [tokens, longest] = [0, 0];
  for (let step = from; step < to; step++) {
    const sequences = sampler.at(step).indices.flatMap((index) => examples[index]!);
    tokens = Math.max(tokens, countTokens(sequences));
    for (const { inputIds } of sequences) longest = Math.max(longest, inputIds.length);
  }
  return { tokens, longest };
}
