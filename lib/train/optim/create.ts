/** Makes the optimizer that TrainingArguments name. */
import type { Parameter } from "../../tensor/parameter.js";
import type { OptimizerName } from "../trainingOptions.js";
import { AdamW } from "./adamw.js";
import { AdamW8bit } from "./adamw8bit.js";
import type { AdamOptions, Optimizer } from "./optimizer.js";

export function createOptimizer(
  name: OptimizerName,
  parameters: readonly Parameter[],
  options: AdamOptions,
): Optimizer {
  switch (name) {
    case "adamw_8bit":
    case "adamw_bnb_8bit":
    case "paged_adamw_8bit":
      return new AdamW8bit(parameters, options);
    case "adamw_torch":
    case "adamw_torch_fused":
      return new AdamW(parameters, options);
  }
}
