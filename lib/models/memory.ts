/** Counts the bytes that a model's parts hold. */

import { PROJECTIONS } from "../tensor/layers.js";
import { storedBytes, tensorMemory, weightBytes } from "../tensor/memory.js";
import type { CausalLM } from "./causalLm.js";
import type { MemoryReport } from "./languageModel.js";

export function memoryOf(model: CausalLM): MemoryReport {
  let rest = storedBytes(model.embedTokens) + storedBytes(model.norm);
  if (!model.config.tieWordEmbeddings) rest += weightBytes(model.lmHead);
  let projections = 0;
  let projectionsIn16Bit = 0;
  let adapters = 0;
  for (const layer of model.layers) {
    rest += storedBytes(layer.inputNorm) + storedBytes(layer.postAttentionNorm);
    for (const name of PROJECTIONS) {
      const { weight, bias, lora, inFeatures, outFeatures } = layer.projections[name];
      projections += weightBytes(weight);
      projectionsIn16Bit += 2 * inFeatures * outFeatures;
      if (bias !== null) rest += storedBytes(bias);
      for (const parameter of [lora?.a, lora?.b]) {
        if (parameter !== undefined) adapters += storedBytes(parameter.value);
        if (parameter?.grad) adapters += storedBytes(parameter.grad);
      }
    }
  }
  const { process, gpu } = tensorMemory();
  return { weights: rest + projections, projections, projectionsIn16Bit, adapters, process, gpu };
}
