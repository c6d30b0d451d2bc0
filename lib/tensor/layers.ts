/** What a decoder layer is made of, as every backend receives it. */
import type * as tf from "@tensorflow/tfjs";
import type { QuantState } from "../quant/quantState.js";
import type { Parameter } from "./parameter.js";

/** A frozen matrix [out, in]: quantised to NF4, or plain float32 values on the active backend. */
export type Weight =
  | { readonly kind: "nf4"; readonly state: QuantState }
  | { readonly kind: "dense"; readonly values: tf.Tensor2D };

/** y += scaling * B (A x): the low-rank pair of one projection. */
export interface LoraPair {
  /** [r, in] */
  readonly a: Parameter;
  /** [out, r] */
  readonly b: Parameter;
  /** alpha / r, or alpha / sqrt(r) with rank-stabilised LoRA. */
  readonly scaling: number;
  /** Probability in [0, 1) with which an input of A is dropped in training. */
  readonly dropout: number;
}

/** One projection: y = x Wᵀ + bias + scaling · (x Aᵀ) Bᵀ. */
export interface Linear {
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly weight: Weight;
  readonly bias: tf.Tensor1D | null;
  lora: LoraPair | null;
}

/** The seven projections that LoRA can target, by their checkpoint names. */
export const PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"] as const;
export type Projection = (typeof PROJECTIONS)[number];

/** The sizes that attention and the feed-forward part are laid out with. */
export interface LayerGeometry {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
}

/** Weights of one Qwen2/Llama decoder layer (pre-norm, GQA, RoPE in the half-rotation layout, SwiGLU). */
export interface DecoderLayer {
  readonly geometry: LayerGeometry;
  /** RMSNorm weights, [hiddenSize] each. */
  readonly inputNorm: tf.Tensor1D;
  readonly postAttentionNorm: tf.Tensor1D;
  readonly projections: Readonly<Record<Projection, Linear>>;
}

/** Several sequences laid end to end, without padding. */
export interface PackedSequences {
  /** [sequences + 1] offsets: sequence i is rows cuSeqlens[i] .. cuSeqlens[i + 1]. */
  readonly cuSeqlens: Int32Array;
  /** [tokens] position of each row inside its sequence, for RoPE. */
  readonly positions: Int32Array;
}

/** A packed batch with its targets: labels stand at their own token (not shifted), -100 where there is none. */
export interface PackedBatch extends PackedSequences {
  readonly inputIds: Int32Array;
  readonly labels: Int32Array;
}

/**
 * What a layer keeps from forward to backward, beside its input. "all": everything. "selected": what matrix products and
 * attention made; norms and SwiGLU, which are cheap, are computed again. "none": everything is computed again.
 */
export const SAVINGS = ["all", "selected", "none"] as const;
export type Saving = (typeof SAVINGS)[number];

/** The parts of a model that its passes run through. */
export interface NetworkParts {
  readonly layers: readonly DecoderLayer[];
  /** The embedding, [vocabSize, hiddenSize]. */
  readonly table: Weight;
  /** The last norm, [hiddenSize]. */
  readonly norm: tf.Tensor1D;
  readonly rmsNormEps: number;
  /** [vocabSize, hiddenSize] */
  readonly head: Weight;
}

/** How a forward and backward pass of a whole model runs. */
export interface PassOptions {
  /** What each layer keeps. */
  readonly savings: readonly Saving[];
  /** Where the layers' inputs wait for the backward pass: "host" on a backend with a memory of its own, "device" elsewhere. */
  readonly inputs: "device" | "host";
  /** The most tokens of this and later passes, for which room is made on the host. */
  readonly maxTokens: number;
  /** Whether LoRA dropout is active. */
  readonly training: boolean;
  /** Seeds the dropout masks of this pass. */
  readonly seed: number;
  /** Factor on all gradients, so that small ones survive in float16; the loss is without it. */
  readonly lossScale: number;
}

/** Keys and values of the tokens seen so far, one entry a sequence, one pair of buffers a layer. */
export interface KvCache {
  /** Tokens held, per sequence. */
  readonly lengths: Int32Array;
  /** Tokens that fit, per sequence. */
  readonly capacity: number;
  dispose(): void;
}
