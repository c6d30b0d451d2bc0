/** Writes and reads an adapter in PEFT's files: adapter_config.json and adapter_model.safetensors. */
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fail } from "../errors.js";
import { writeFileAtomically } from "../formats/atomicWrite.js";
import { SafetensorsFile } from "../formats/safetensors.js";
import { bytesOf, type TensorEntry } from "../formats/tensorEntry.js";
import { writeSafetensors } from "../formats/writeSafetensors.js";
import type { CausalLM } from "../models/causalLm.js";
import { adaptedProjections, attachLora } from "./attach.js";
import { fromAdapterConfig, type LoraConfig, toAdapterConfig } from "./loraConfig.js";

const CONFIG = "adapter_config.json";
const WEIGHTS = "adapter_model.safetensors";

export function isAdapterDirectory(directory: string): boolean {
  return existsSync(join(directory, CONFIG));
}

/** Writes the adapter of `model` into `directory`, as PEFT reads it. */
export async function writeAdapter(
  model: CausalLM,
  config: LoraConfig,
  baseModel: string,
  directory: string,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  const entries: TensorEntry[] = [];
  for (const { linear } of adaptedProjections(model)) {
    for (const parameter of [linear.lora?.a, linear.lora?.b]) {
      if (parameter === undefined) continue;
      const values = (await parameter.value.data()) as Float32Array;
      entries.push({ name: parameter.name, dtype: "F32", shape: parameter.shape, data: bytesOf(values) });
    }
  }
  await writeSafetensors(join(directory, WEIGHTS), entries, { format: "pt" });
  await writeFileAtomically(
    join(directory, CONFIG),
    `${JSON.stringify(toAdapterConfig(config, baseModel), null, 2)}\n`,
  );
}

/** The base model's name and the options in a folder's adapter_config.json. */
export async function readAdapterConfig(directory: string): Promise<{ config: LoraConfig; baseModel: string }> {
  const path = join(directory, CONFIG);
  let raw: Record<string, unknown>;
  try {
    raw = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    fail(`${path} cannot be read as JSON: ${(cause as Error).message}.`, { cause });
  }
  return { config: fromAdapterConfig(raw), baseModel: String(raw.base_model_name_or_path ?? "") };
}

/** Attaches the adapter of a folder to `model`. */
export async function readAdapter(model: CausalLM, config: LoraConfig, directory: string): Promise<void> {
  attachLora(model, config);
  await readAdapterWeights(model, directory);
}

/** Fills the adapter that `model` carries with the values of a folder's adapter_model.safetensors. */
export async function readAdapterWeights(model: CausalLM, directory: string): Promise<void> {
  const file = SafetensorsFile.open(join(directory, WEIGHTS));
  try {
    for (const { linear } of adaptedProjections(model)) {
      for (const parameter of [linear.lora?.a, linear.lora?.b]) {
        if (parameter === undefined) continue;
        if (!file.has(parameter.name)) {
          fail(`${join(directory, WEIGHTS)} lacks the tensor ${parameter.name}.`, {
            hint: "The adapter belongs to another model or other target modules.",
          });
        }
        const { shape } = file.info(parameter.name);
        if (shape.join() !== parameter.shape.join()) {
          fail(
            `The adapter tensor ${parameter.name} has shape [${shape.join(", ")}], the model's is [${parameter.shape.join(", ")}].`,
          );
        }
        parameter.assign(file.readFloat32(parameter.name));
      }
    }
  } finally {
    file.close();
  }
}
