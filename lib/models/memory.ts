/** Counts the bytes that a model's parts hold. */

import { PROJECTIONS, type Weight } from "../tensor/layers.js";
import type { CausalLM } from "./causalLm.js";
import type { MemoryReport } from "./languageModel.js";

const FLOAT_BYTES = 4;

export function memoryOf(model: CausalLM): MemoryReport {
  let rest = FLOAT_BYTES * (model.embedTokens.size + model.norm.size);
  if (!model.config.tieWordEmbeddings) rest += weightBytes(model.lmHead);
  let projections = 0;
  let projectionsIn16Bit = 0;
  let adapters = 0;
  for (const layer of model.layers) {
    rest += FLOAT_BYTES * (layer.inputNorm.size + layer.postAttentionNorm.size);
    for (const name of PROJECTIONS) {
      const { weight, bias, lora, inFeatures, outFeatures } = layer.projections[name];
      projections += weightBytes(weight);
      projectionsIn16Bit += 2 * inFeatures * outFeatures;
      rest += FLOAT_BYTES * (bias?.size ?? 0);
      for (const parameter of [lora?.a, lora?.b]) {
        if (parameter !== undefined) adapters += FLOAT_BYTES * (parameter.size + (parameter.grad?.size ?? 0));
      }
    }
  }
  return { weights: rest + projections, projections, projectionsIn16Bit, adapters, process: process.memoryUsage.rss() };
}

function weightBytes(weight: Weight): number {
  if (weight.kind === "dense") return FLOAT_BYTES * weight.values.size;
  const { packed, absmax, nestedAbsmax } = weight.state;
  return packed.byteLength + absmax.byteLength + nestedAbsmax.byteLength;
}
