/** A model as it was loaded, before an adapter is attached. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import { fail } from "../errors.js";
import { writeFileAtomically } from "../formats/atomicWrite.js";
import { generate } from "../generate/generate.js";
import type { GenerateOptions, GenerationDefaults } from "../generate/options.js";
import { writeMerged } from "../peft/merge.js";
import { withMemoryAdvice } from "../tensor/outOfMemory.js";
import type { TokenizerLike } from "../tokenizer/tokenizer.js";
import type { CausalLM } from "./causalLm.js";
import type { LanguageModel, SaveMergedOptions } from "./languageModel.js";
import { type MemoryReport, memoryOf } from "./memory.js";
import type { ModelSource } from "./source.js";

const GENERATION_CONFIG = "generation_config.json";

export class LoadedModel implements LanguageModel {
  constructor(
    readonly network: CausalLM,
    readonly source: ModelSource,
    readonly maxSeqLength: number,
    /** The projections were quantised to 4 bits. */
    readonly loadedIn4bit: boolean,
    private readonly generationConfig: Readonly<Record<string, unknown>> | null,
  ) {}

  get config() {
    return this.network.config;
  }

  generate(options: GenerateOptions): Promise<number[][]> {
    const advice = () => ({
      where: "It was a call of generate.",
      hint: "Give fewer or shorter prompts at a time, lower maxNewTokens, or dispose() of models that are no longer needed.",
    });
    return withMemoryAdvice(advice, () => generate(this.network, options, this.generationDefaults()));
  }

  /** Writes the weights as they are held, 4-bit ones dequantised: a 16-bit checkpoint. */
  savePretrained(directory: string): Promise<void> {
    return this.#writeCheckpoint(directory, { saveMethod: "merged_16bit" });
  }

  async savePretrainedMerged(
    directory: string,
    tokenizer: TokenizerLike,
    options: SaveMergedOptions = {},
  ): Promise<void> {
    await this.#writeCheckpoint(directory, options);
    await tokenizer.savePretrained(directory);
  }

  memory(): MemoryReport {
    return memoryOf(this.network);
  }

  numParameters(): number {
    return this.network.parameterCount();
  }

  dispose(): void {
    this.network.dispose();
  }

  generationDefaults(): GenerationDefaults {
    const raw = this.generationConfig ?? {};
    const eos = raw.eos_token_id;
    return {
      ...(typeof raw.do_sample === "boolean" ? { doSample: raw.do_sample } : {}),
      ...(typeof raw.temperature === "number" ? { temperature: raw.temperature } : {}),
      ...(typeof raw.top_k === "number" ? { topK: raw.top_k } : {}),
      ...(typeof raw.top_p === "number" ? { topP: raw.top_p } : {}),
      ...(typeof raw.repetition_penalty === "number" ? { repetitionPenalty: raw.repetition_penalty } : {}),
      eosTokenIds: eos === undefined || eos === null ? this.config.eosTokenIds : [eos].flat().map(Number),
      padTokenId: typeof raw.pad_token_id === "number" ? raw.pad_token_id : this.config.padTokenId,
    };
  }

  /** A few lines in a terminal or a cell, instead of all tensors. */
  [inspect.custom](): string {
    const { architecture, numLayers, hiddenSize, numHeads, numKvHeads, intermediateSize, vocabSize } = this.config;
    const { requested, kind } = this.source;
    const grouped = (count: number) => count.toLocaleString("en-US");
    return [
      `${architecture}: ${requested}${kind === "embedded" ? ", the embedded one in its place" : ""}`,
      `  ${grouped(this.numParameters())} parameters${this.loadedIn4bit ? ", projections in 4 bits" : ""}`,
      `  ${numLayers} layers, hidden size ${grouped(hiddenSize)}, intermediate size ${grouped(intermediateSize)}`,
      `  ${numHeads} attention heads, ${numKvHeads} of keys and values`,
      `  vocabulary of ${grouped(vocabSize)}, texts of at most ${grouped(this.maxSeqLength)} tokens`,
    ].join("\n");
  }

  async #writeCheckpoint(directory: string, options: SaveMergedOptions): Promise<void> {
    if (options.saveMethod === "lora") fail("There is no adapter to save.", { hint: "Attach one with getPeftModel." });
    const raw = this.config.raw;
    await writeMerged(this.network, directory, {
      originalDirectory: options.mergeBase === "original" ? this.source.directory : null,
      maxShardBytes: options.maxShardBytes ?? 5_000_000_000,
      dtype: (raw.torch_dtype ?? raw.dtype) === "float16" ? "F16" : "BF16",
    });
    if (this.generationConfig !== null) {
      await writeFileAtomically(
        join(directory, GENERATION_CONFIG),
        `${JSON.stringify(this.generationConfig, null, 2)}\n`,
      );
    }
  }
}

/** The folder's generation_config.json, or null where there is none. */
export async function readGenerationConfig(directory: string): Promise<Record<string, unknown> | null> {
  const path = join(directory, GENERATION_CONFIG);
  const text = await readFile(path, "utf8").catch(() => null);
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch (cause) {
    fail(`${path} cannot be read as JSON: ${(cause as Error).message}.`, { cause });
  }
}
