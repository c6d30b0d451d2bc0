/** What tunelab reads of a Hugging Face config.json. */
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
