/** Adds the adapter to the weights and writes a complete 16-bit checkpoint, one matrix at a time or a part of it. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { writeFileAtomically } from "../formats/atomicWrite.js";
import { openCheckpoint, writeCheckpoint } from "../formats/checkpoint.js";
import { float32ToBf16, float32ToF16 } from "../formats/halves.js";
import { bytesOf, type TensorSource } from "../formats/tensorEntry.js";
import type { TensorToWrite } from "../formats/writeSafetensors.js";
import type { CausalLM } from "../models/causalLm.js";
import { dequantizeNf4 } from "../quant/nf4.js";
import { tensorPieces, tensorValues } from "../tensor/cuda/pieces.js";
import { DeviceQuantState } from "../tensor/cuda/quantState.js";
import { type Linear, PROJECTIONS, type Weight } from "../tensor/layers.js";
import { projectionPath } from "./attach.js";

export interface MergeOptions {
  /** The checkpoint that the weights came from, when the adapter is to be added to its values instead. */
  readonly originalDirectory: string | null;
  readonly maxShardBytes: number;
  readonly dtype: "BF16" | "F16";
}

/** Writes config.json and the merged weights; matrices are made when the writer asks for them. */
export async function writeMerged(model: CausalLM, directory: string, options: MergeOptions): Promise<void> {
  await mkdir(directory, { recursive: true });
  const original = options.originalDirectory === null ? null : await openCheckpoint(options.originalDirectory);
  try {
    await writeCheckpoint(directory, mergedTensors(model, original, options.dtype), {
      maxShardBytes: options.maxShardBytes,
    });
  } finally {
    original?.close();
  }
  const { quantization_config: _, ...raw } = model.config.raw;
  const dtype = options.dtype === "BF16" ? "bfloat16" : "float16";
  await writeFileAtomically(
    join(directory, "config.json"),
    `${JSON.stringify({ ...raw, torch_dtype: dtype }, null, 2)}\n`,
  );
}

/** The tensors in checkpoint order; each one's values are made when the writer comes to it. */
function* mergedTensors(
  model: CausalLM,
  original: TensorSource | null,
  dtype: "BF16" | "F16",
): Generator<TensorToWrite> {
  const encode = (values: Float32Array) => bytesOf(dtype === "BF16" ? float32ToBf16(values) : float32ToF16(values));
  const entry = (name: string, shape: readonly number[], values: () => Promise<Float32Array>): TensorToWrite => {
    return { name, dtype, shape, data: async () => encode(await values()) };
  };
  const plain = (name: string, tensor: tf.Tensor): TensorToWrite => {
    async function* data() {
      for await (const piece of tensorPieces(tensor)) yield encode(piece);
    }
    return { name, dtype, shape: tensor.shape, data };
  };

  yield plain("model.embed_tokens.weight", model.embedTokens);
  for (const [index, layer] of model.layers.entries()) {
    const prefix = `model.layers.${index}`;
    yield plain(`${prefix}.input_layernorm.weight`, layer.inputNorm);
    yield plain(`${prefix}.post_attention_layernorm.weight`, layer.postAttentionNorm);
    for (const name of PROJECTIONS) {
      const linear = layer.projections[name];
      const path = projectionPath(index, name);
      const base = async () => original?.readFloat32(`${path}.weight`) ?? (await weightValues(linear.weight));
      yield entry(`${path}.weight`, [linear.outFeatures, linear.inFeatures], async () =>
        addAdapter(await base(), linear),
      );
      if (linear.bias !== null) yield plain(`${path}.bias`, linear.bias);
    }
  }
  yield plain("model.norm.weight", model.norm);
  if (!model.config.tieWordEmbeddings && model.lmHead.kind === "dense")
    yield plain("lm_head.weight", model.lmHead.values);
}

async function weightValues(weight: Weight): Promise<Float32Array> {
  if (weight.kind === "nf4") {
    return weight.state instanceof DeviceQuantState ? weight.state.values() : dequantizeNf4(weight.state);
  }
  return tensorValues(weight.values);
}

/** W + scaling · B A in float32, rounded to 16 bits only when it is written. */
async function addAdapter(base: Float32Array, { lora }: Linear): Promise<Float32Array> {
  if (lora === null) return base;
  const delta = tf.tidy(() =>
    tf.mul(tf.matMul(lora.b.value as tf.Tensor2D, lora.a.value as tf.Tensor2D), lora.scaling),
  );
  let at = 0;
  for await (const piece of tensorPieces(delta)) {
    for (let i = 0; i < piece.length; i++) base[at + i] = (base[at + i] as number) + (piece[i] as number);
    at += piece.length;
  }
  delta.dispose();
  return base;
}
