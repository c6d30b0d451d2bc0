/** What tunelab reads of a Hugging Face config.json. */
import { fail } from "../errors.js";
import type { LayerGeometry } from "../tensor/layers.js";

/** The architectures that the decoder layer covers. */
export const ARCHITECTURES = ["Qwen2ForCausalLM", "LlamaForCausalLM", "MistralForCausalLM"] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

export interface ModelConfig extends LayerGeometry {
  readonly architecture: Architecture;
  readonly modelType: string;
  readonly vocabSize: number;
  readonly numLayers: number;
  readonly maxPositionEmbeddings: number;
  readonly tieWordEmbeddings: boolean;
  /** q, k and v carry a bias (Qwen2). */
  readonly attentionBias: boolean;
  readonly bosTokenId: number | null;
  readonly eosTokenIds: readonly number[];
  readonly padTokenId: number | null;
  /** The whole config.json, written back as it was on save. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** Reads a config.json; refuses what the decoder layer does not compute, by name. */
export function parseConfig(raw: Record<string, unknown>): ModelConfig {
  const architectures = Array.isArray(raw.architectures) ? raw.architectures.map(String) : [];
  const architecture = ARCHITECTURES.find((name) => architectures.includes(name));
  if (architecture === undefined) {
    fail(`The architecture ${architectures.join(", ") || "(none named)"} is not supported.`, {
      hint: `config.json must name one of ${ARCHITECTURES.join(", ")}.`,
    });
  }
  refuseUnsupported(raw);
  const hiddenSize = positive(raw, "hidden_size");
  const numHeads = positive(raw, "num_attention_heads");
  const numKvHeads = positive(raw, "num_key_value_heads", numHeads);
  const headDim = positive(raw, "head_dim", hiddenSize / numHeads);
  if (numHeads % numKvHeads !== 0) {
    fail(`config.json: num_attention_heads ${numHeads} is not a multiple of num_key_value_heads ${numKvHeads}.`);
  }
  return {
    architecture,
    modelType: String(raw.model_type ?? architecture),
    hiddenSize,
    intermediateSize: positive(raw, "intermediate_size"),
    numHeads,
    numKvHeads,
    headDim,
    numLayers: positive(raw, "num_hidden_layers"),
    vocabSize: positive(raw, "vocab_size"),
    maxPositionEmbeddings: positive(raw, "max_position_embeddings", 2048),
    rmsNormEps: real(raw, "rms_norm_eps", 1e-6),
    ropeTheta: ropeTheta(raw),
    tieWordEmbeddings: raw.tie_word_embeddings === true,
    attentionBias: architecture === "Qwen2ForCausalLM" || raw.attention_bias === true,
    bosTokenId: tokenIds(raw, "bos_token_id")[0] ?? null,
    eosTokenIds: tokenIds(raw, "eos_token_id"),
    padTokenId: tokenIds(raw, "pad_token_id")[0] ?? null,
    raw,
  };
}

/** transformers 5 writes rope_parameters, earlier versions rope_theta and rope_scaling. */
function ropeTheta(raw: Record<string, unknown>): number {
  const parameters = raw.rope_parameters;
  if (parameters !== null && typeof parameters === "object") {
    return real(parameters as Record<string, unknown>, "rope_theta", 10_000);
  }
  return real(raw, "rope_theta", 10_000);
}

function refuseUnsupported(raw: Record<string, unknown>): void {
  const activation = raw.hidden_act ?? "silu";
  if (activation !== "silu") fail(`config.json: hidden_act "${String(activation)}" is not supported, only "silu".`);
  for (const key of ["rope_scaling", "rope_parameters"]) {
    const value = raw[key];
    if (value === null || value === undefined || typeof value !== "object") continue;
    const fields = value as Record<string, unknown>;
    const kind = fields.rope_type ?? fields.type ?? "default";
    if (kind !== "default") fail(`config.json: ${key} of type "${String(kind)}" is not supported, only "default".`);
  }
  if (raw.use_sliding_window === true) fail("config.json: use_sliding_window is not supported; set it to false.");
  if (raw.mlp_bias === true) fail("config.json: mlp_bias is not supported.");
}

function real(raw: Record<string, unknown>, key: string, fallback?: number): number {
  const value = raw[key] ?? fallback;
  if (typeof value !== "number" || !Number.isFinite(value)) {
    fail(`config.json: ${key} is ${JSON.stringify(value) ?? "missing"}, not a number.`);
  }
  return value;
}

function positive(raw: Record<string, unknown>, key: string, fallback?: number): number {
  const value = real(raw, key, fallback);
  if (!Number.isInteger(value) || value <= 0) fail(`config.json: ${key} is ${value}, not a positive integer.`);
  return value;
}

function tokenIds(raw: Record<string, unknown>, key: string): number[] {
  const value = raw[key];
  if (value === null || value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).map(Number);
}
