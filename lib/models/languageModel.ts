/** What a loaded model can do, with or without an adapter. */
import type { GenerateOptions } from "../generate/options.js";
import type { TokenizerLike } from "../tokenizer/tokenizer.js";
import type { CausalLM } from "./causalLm.js";
import type { ModelConfig } from "./config.js";
import type { MemoryReport } from "./memory.js";
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
  /** Who holds how much memory. A notebook shows it as a table. */
  memory(): MemoryReport;
  /** How many numbers the model is made of, without an adapter. */
  numParameters(): number;
  dispose(): void;
}
