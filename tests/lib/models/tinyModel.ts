/** A small random Qwen2 checkpoint on disk, for tests of whatever loads one. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromFloat32 } from "../../../lib/formats/toFloat32.js";
import { type TensorToWrite, writeSafetensors } from "../../../lib/formats/writeSafetensors.js";
import { loadNetwork, readConfig } from "../../../lib/models/load.js";
import { LoadedModel } from "../../../lib/models/loadedModel.js";
import { createRandom } from "../../../lib/random.js";
import { initBackend } from "../../../lib/tensor/backend.js";
import type { ComputeType } from "../../../lib/tensor/cuda/weights.js";

export const TINY_CONFIG = {
  architectures: ["Qwen2ForCausalLM"],
  model_type: "qwen2",
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 96,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  tie_word_embeddings: false,
  hidden_act: "silu",
  bos_token_id: 1,
  eos_token_id: 2,
  pad_token_id: 0,
};

/** Name and shape of every tensor that TINY_CONFIG needs. */
export function tinyShapes(): [name: string, shape: number[]][] {
  const shapes: [string, number[]][] = [
    ["model.embed_tokens.weight", [96, 64]],
    ["model.norm.weight", [64]],
    ["lm_head.weight", [96, 64]],
  ];
  for (let layer = 0; layer < 2; layer++) {
    const prefix = `model.layers.${layer}`;
    shapes.push([`${prefix}.input_layernorm.weight`, [64]], [`${prefix}.post_attention_layernorm.weight`, [64]]);
    for (const [name, out] of [
      ["q", 64],
      ["k", 32],
      ["v", 32],
    ] as const) {
      shapes.push(
        [`${prefix}.self_attn.${name}_proj.weight`, [out, 64]],
        [`${prefix}.self_attn.${name}_proj.bias`, [out]],
      );
    }
    shapes.push([`${prefix}.self_attn.o_proj.weight`, [64, 64]]);
    shapes.push([`${prefix}.mlp.gate_proj.weight`, [128, 64]], [`${prefix}.mlp.up_proj.weight`, [128, 64]]);
    shapes.push([`${prefix}.mlp.down_proj.weight`, [64, 128]]);
  }
  return shapes;
}

/** Writes the checkpoint into a fresh folder. `change` replaces fields of config.json; `drop` leaves tensors out. */
export async function writeTinyModel({
  change = {},
  drop = [] as string[],
  dtype = "F32" as "F32" | "BF16" | "F16",
} = {}): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "tunelab-tiny-"));
  writeFileSync(join(directory, "config.json"), JSON.stringify({ ...TINY_CONFIG, ...change }));
  const random = createRandom(5);
  const entries: TensorToWrite[] = tinyShapes().map(([name, shape]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const centre = name.includes("norm") ? 1 : 0;
    const values = Float32Array.from({ length: size }, () => centre + (random.next() - 0.5) * 0.4);
    return { name, dtype, shape, data: fromFloat32(dtype, values) };
  });
  await writeSafetensors(
    join(directory, "model.safetensors"),
    entries.filter(({ name }) => !drop.includes(name)),
  );
  return directory;
}

/** Loads a folder that writeTinyModel wrote. */
export async function loadTinyModel(
  directory: string,
  loadIn4bit = true,
  computeType: ComputeType = "float32",
): Promise<LoadedModel> {
  await initBackend();
  const network = await loadNetwork(directory, await readConfig(directory), { loadIn4bit, computeType });
  return new LoadedModel(network, { requested: directory, kind: "folder", directory }, 64, loadIn4bit, null);
}
