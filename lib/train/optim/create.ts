/** Makes the optimizer that TrainingArguments name. */

import { activeCuda } from "../../tensor/cuda/backend.js";
import { adviseOnMemory } from "../../tensor/outOfMemory.js";
import type { Parameter } from "../../tensor/parameter.js";
import type { OptimizerName } from "../trainingOptions.js";
import { AdamW } from "./adamw.js";
import { AdamW8bit } from "./adamw8bit.js";
import { DeviceAdam } from "./deviceAdam.js";
import type { AdamOptions, Optimizer } from "./optimizer.js";

/** Bits of the running means of large tensors. */
const STATE_BITS: Readonly<Record<OptimizerName, 8 | 32>> = {
  adamw_8bit: 8,
  adamw_bnb_8bit: 8,
  paged_adamw_8bit: 8,
  adamw_torch: 32,
  adamw_torch_fused: 32,
};

export function createOptimizer(
  name: OptimizerName,
  parameters: readonly Parameter[],
  options: AdamOptions,
): Optimizer {
  const bits = STATE_BITS[name];
  const cuda = activeCuda();
  if (cuda !== null) {
    try {
      return new DeviceAdam(cuda, parameters, options, bits);
    } catch (error) {
      const less = bits === 8 ? "Lower r in getPeftModel" : 'Set optim: "adamw_8bit", lower r in getPeftModel';
      adviseOnMemory(error, {
        where: `The optimizer ${name} was being made.`,
        hint: `${less}, or dispose() of models that are no longer needed.`,
      });
    }
  }
  return bits === 8 ? new AdamW8bit(parameters, options) : new AdamW(parameters, options);
}
