/** The loss over an evaluation dataset, as an exact mean over its tokens. */
import { fail } from "../errors.js";
import { type Example, packSequences, splitByBudget } from "./batch.js";
import { breathe } from "./interrupt.js";
import { type SpeedMetrics, speedMetrics } from "./metrics.js";
import type { TrainableModel } from "./trainable.js";

export type EvaluationMetrics = SpeedMetrics<"eval"> & { eval_loss: number };

/**
 * Sum of all cross entropies over the number of predicted tokens. (transformers averages batch means instead, which
 * weighs tokens of shorter batches more.)
 * @returns null when it was stopped
 */
export async function evaluateExamples(
  model: TrainableModel,
  examples: readonly Example[],
  options: { batchSize: number; maxTokens: number; isStopped: () => boolean },
): Promise<EvaluationMetrics | null> {
  const start = performance.now();
  const { batchSize, maxTokens, isStopped } = options;
  let lossSum = 0;
  let numItems = 0;
  let batches = 0;
  for (let first = 0; first < examples.length; first += batchSize, batches++) {
    for (const group of splitByBudget(examples.slice(first, first + batchSize).flat(), maxTokens)) {
      const share = await model.evaluateLoss(packSequences(group));
      lossSum += share.lossSum;
      numItems += share.numItems;
      await breathe();
      if (isStopped()) return null;
    }
  }
  if (numItems === 0) fail("evalDataset has no token to predict: every label is -100 or every text is one token long.");
  const speed = speedMetrics("eval", { start, samples: examples.length, steps: batches });
  return { eval_loss: lossSum / numItems, ...speed };
}
