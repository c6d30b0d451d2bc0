/** What a loaded model can do, with or without an adapter. */
import type { GenerateOptions } from "../generate/options.js";
import type { DeviceMemory } from "../native/addon.js";
import type { TokenizerLike } from "../tokenizer/tokenizer.js";
import type { CausalLM } from "./causalLm.js";
import type { ModelConfig } from "./config.js";
import type { ModelSource } from "./source.js";

export interface SaveMergedOptions {
  /**
   * "merged_16bit": base weights plus adapter, in 16 bits. "lora": the adapter alone. Default "merged_16bit".
   */
  saveMethod?: "merged_16bit" | "lora";
  /**
   * What the adapter is added to. "dequantized": the weights it was trained on, so that the merged model answers the
   * same. "original": the checkpoint's weights before quantisation. Default "dequantized".
   */
  mergeBase?: "dequantized" | "original";
  /** Most bytes of one file. Default 5 GB. */
  maxShardBytes?: number;
}

/** Bytes that each part of a model holds. */
export interface MemoryReport {
  /** Embedding, norms, biases, head and projections. */
  readonly weights: number;
  /** The projections alone, which are what loadIn4bit quantises. */
  readonly projections: number;
  /** What the projections would hold in 16 bits. */
  readonly projectionsIn16Bit: number;
  /** Adapter values and their gradients. */
  readonly adapters: number;
  /** Resident memory of the process. */
  readonly process: number;
  /** On the backend "cuda": the GPU's memory by who holds it, now and at most; null elsewhere. */
  readonly gpu: DeviceMemory | null;
}

export interface LanguageModel {
  readonly config: ModelConfig;
  /** The network itself, shared by every wrapper around it. */
  readonly network: CausalLM;
  /** Where the weights came from. */
  readonly source: ModelSource;
  /** Longest training text in tokens. */
  readonly maxSeqLength: number;
  /** Continues prompts; see GenerateOptions. */
  generate(options: GenerateOptions): Promise<number[][]>;
  /** Writes config.json and the weights, or the adapter alone where there is one. */
  savePretrained(directory: string): Promise<void>;
  /** Writes a complete checkpoint that transformers loads, with the adapter added to the weights. */
  savePretrainedMerged(directory: string, tokenizer: TokenizerLike, options?: SaveMergedOptions): Promise<void>;
  memory(): MemoryReport;
  /** How many numbers the model is made of, without an adapter. */
  numParameters(): number;
  dispose(): void;
}
