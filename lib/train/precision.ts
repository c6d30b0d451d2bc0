/** What `fp16` and `bf16` ask for, held against what the model is computed in. */
import { fail } from "../errors.js";
import type { TrainableModel } from "./trainable.js";
import type { TrainingArguments } from "./trainingArguments.js";

/** @throws TunelabError when one half precision is asked for and the model was loaded in the other */
export function checkPrecision(
  { fp16, bf16 }: Pick<TrainingArguments, "fp16" | "bf16">,
  { computeType }: Pick<TrainableModel, "computeType">,
): void {
  if (fp16 && computeType === "bfloat16") {
    fail("fp16 is true, but the model was loaded to be computed in bfloat16.", {
      hint: 'Set fp16: false and bf16: true, or load the model with dtype: "float16".',
    });
  }
  if (bf16 && computeType === "float16") {
    fail("bf16 is true, but the model was loaded to be computed in float16.", {
      hint: 'Set fp16: true and bf16: false, or load the model with dtype: "bfloat16".',
    });
  }
}
