/** Puts a low-rank pair beside each targeted projection of a model. */
import * as tf from "@tensorflow/tfjs";
import { fail } from "../errors.js";
import type { CausalLM } from "../models/causalLm.js";
import { createRandom } from "../random.js";
import { type Linear, PROJECTIONS, type Projection } from "../tensor/layers.js";
import { Parameter } from "../tensor/parameter.js";
import { type LoraConfig, loraScaling } from "./loraConfig.js";

/** Checkpoint name of a projection, e.g. `model.layers.0.self_attn.q_proj`. */
export function projectionPath(layer: number, projection: Projection): string {
  const part = ["gate_proj", "up_proj", "down_proj"].includes(projection) ? "mlp" : "self_attn";
  return `model.layers.${layer}.${part}.${projection}`;
}

/** Name of an adapter tensor in PEFT's files. */
export function adapterName(layer: number, projection: Projection, factor: "A" | "B"): string {
  return `base_model.model.${projectionPath(layer, projection)}.lora_${factor}.weight`;
}

/** The adapted projections of a model in checkpoint order. */
export function* adaptedProjections(
  model: CausalLM,
): Generator<{ layer: number; projection: Projection; linear: Linear }> {
  for (const [layer, { projections }] of model.layers.entries()) {
    for (const projection of PROJECTIONS) {
      const linear = projections[projection];
      if (linear.lora !== null) yield { layer, projection, linear };
    }
  }
}

/**
 * Attaches adapters: A from U(-1/sqrt(in), 1/sqrt(in)) (Kaiming uniform with a = sqrt 5, as PEFT), B zero,
 * so that the model answers as before until it is trained.
 */
export function attachLora(model: CausalLM, config: LoraConfig): void {
  const random = createRandom(config.randomState);
  const chosen = config.layersToTransform ?? model.layers.map((_, index) => index);
  for (const index of chosen) {
    const layer = model.layers[index];
    if (layer === undefined)
      fail(`layersToTransform names layer ${index}; the model has ${model.layers.length} layers.`);
    for (const projection of PROJECTIONS) {
      if (!config.targetModules.includes(projection)) continue;
      const linear = layer.projections[projection];
      const { inFeatures, outFeatures } = linear;
      const a = new Float32Array(config.r * inFeatures);
      random.fill(a, 1 / Math.sqrt(inFeatures));
      linear.lora = {
        a: parameter(adapterName(index, projection, "A"), a, [config.r, inFeatures]),
        b: parameter(adapterName(index, projection, "B"), new Float32Array(outFeatures * config.r), [
          outFeatures,
          config.r,
        ]),
        scaling: loraScaling(config),
        dropout: config.loraDropout,
      };
    }
  }
}

/** Takes the adapters off again and frees them. */
export function detachLora(model: CausalLM): void {
  for (const { linear } of adaptedProjections(model)) {
    linear.lora?.a.dispose();
    linear.lora?.b.dispose();
    linear.lora = null;
  }
}

function parameter(name: string, values: Float32Array, shape: [number, number]): Parameter {
  const initial = tf.tensor2d(values, shape);
  const created = new Parameter(name, initial);
  initial.dispose();
  return created;
}
