/** A frozen model with a trainable low-rank adapter. */
import { inspect } from "node:util";
import { checkOptions, fail, suggestion } from "../errors.js";
import type { GenerateOptions } from "../generate/options.js";
import type { LanguageModel, SaveMergedOptions } from "../models/languageModel.js";
import type { LoadedModel } from "../models/loadedModel.js";
import type { MemoryReport } from "../models/memory.js";
import { freeForPasses, passShape } from "../models/passBudget.js";
import { describePlan, keepsEverything, type PassPlan, planPasses } from "../models/passPlan.js";
import { activeCuda } from "../tensor/cuda/backend.js";
import type { PackedBatch } from "../tensor/layers.js";
import { moveTableToHost, releasePassMemory } from "../tensor/memory.js";
import { type MemoryAdvice, withMemoryAdvice } from "../tensor/outOfMemory.js";
import type { Parameter } from "../tensor/parameter.js";
import { shiftedTargets } from "../tensor/portable/crossEntropy.js";
import type { TokenizerLike } from "../tokenizer/tokenizer.js";
import type { PassBudget, TrainableModel, TrainingLoad, TrainingPass } from "../train/trainable.js";
import { readAdapter, readAdapterConfig, readAdapterWeights, writeAdapter } from "./adapterFiles.js";
import { adaptedProjections, attachLora, detachLora } from "./attach.js";
import type { LoraConfig } from "./loraConfig.js";

const SAVE_METHODS = ["merged_16bit", "lora"] as const;

export class PeftModel implements LanguageModel, TrainableModel {
  #plan: PassPlan | null = null;

  private constructor(
    readonly base: LoadedModel,
    readonly peftConfig: LoraConfig,
  ) {}

  /** Attaches a fresh adapter. */
  static attach(base: LoadedModel, config: LoraConfig): PeftModel {
    refuseSecondAdapter(base);
    attachLora(base.network, config);
    return new PeftModel(base, config);
  }

  /** Attaches the adapter that a folder holds. */
  static async fromPretrained(base: LoadedModel, directory: string): Promise<PeftModel> {
    refuseSecondAdapter(base);
    const { config } = await readAdapterConfig(directory);
    try {
      await readAdapter(base.network, config, directory);
    } catch (error) {
      detachLora(base.network);
      throw error;
    }
    return new PeftModel(base, config);
  }

  get network() {
    return this.base.network;
  }
  get config() {
    return this.base.config;
  }
  get source() {
    return this.base.source;
  }
  get computeType() {
    return this.network.computeType;
  }
  get maxSeqLength() {
    return this.base.maxSeqLength;
  }

  trainableParameters(): Parameter[] {
    return [...adaptedProjections(this.network)].flatMap(({ linear }) =>
      linear.lora === null ? [] : [linear.lora.a, linear.lora.b],
    );
  }

  /** Counts of trainable and all parameters, and the share in per cent. */
  trainableCount(): { trainable: number; all: number; percent: number } {
    const trainable = this.trainableParameters().reduce((sum, parameter) => sum + parameter.size, 0);
    const all = this.network.parameterCount() + trainable;
    return { trainable, all, percent: (100 * trainable) / all };
  }

  /** Prints the counts as PEFT does. */
  printTrainableParameters(): void {
    const { trainable, all, percent } = this.trainableCount();
    const grouped = (count: number) => count.toLocaleString("en-US");
    console.log(
      `trainable params: ${grouped(trainable)} || all params: ${grouped(all)} || trainable%: ${percent.toFixed(4)}`,
    );
  }

  forTraining(): void {
    this.network.training = true;
  }

  /** How training passes divide memory; null while none is under way. */
  get passPlan(): PassPlan | null {
    return this.#plan;
  }

  planPasses(load: TrainingLoad): PassBudget {
    const plan = this.#choosePlan(load);
    const { useGradientCheckpointing: mode } = this.peftConfig;
    const chosen = typeof mode === "string" ? `"${mode}"` : String(mode);
    return {
      tokensPerPass: plan.tokensPerPass,
      summary: `with useGradientCheckpointing ${chosen}, ${describePlan(plan)}`,
    };
  }

  endTraining(): void {
    this.#plan = null;
    releasePassMemory();
  }

  forwardBackward(batch: PackedBatch, numItems: number, pass: TrainingPass): Promise<number> {
    return withMemoryAdvice(
      () => this.#memoryAdvice("training", batch),
      () => {
        const { savings, inputs, tokensPerPass: maxTokens } = this.#planFor(batch.inputIds.length);
        const { seed, lossScale = 1 } = pass;
        return this.network.forwardBackward(batch, numItems, { savings, inputs, maxTokens, seed, lossScale });
      },
    );
  }

  async evaluateLoss(batch: PackedBatch): Promise<{ lossSum: number; numItems: number }> {
    const lossSum = await withMemoryAdvice(
      () => this.#memoryAdvice("evaluation", batch),
      () => this.network.lossSum(batch),
    );
    return { lossSum, numItems: shiftedTargets(batch).rows.length };
  }

  generate(options: GenerateOptions): Promise<number[][]> {
    return this.base.generate(options);
  }

  /** Writes the adapter: adapter_config.json and adapter_model.safetensors, as PEFT reads them. */
  savePretrained(directory: string): Promise<void> {
    return writeAdapter(this.network, this.peftConfig, this.source.requested, directory);
  }

  /** Replaces the adapter's values by a folder's. */
  loadAdapter(directory: string): Promise<void> {
    return readAdapterWeights(this.network, directory);
  }

  async savePretrainedMerged(
    directory: string,
    tokenizer: TokenizerLike,
    options: SaveMergedOptions = {},
  ): Promise<void> {
    checkOptions("savePretrainedMerged", options, ["saveMethod", "mergeBase", "maxShardBytes"]);
    const method = options.saveMethod ?? "merged_16bit";
    if (!SAVE_METHODS.includes(method))
      fail(`Unknown saveMethod "${method}".`, { hint: suggestion(method, SAVE_METHODS) });
    if (method === "lora") {
      await this.savePretrained(directory);
      await tokenizer.savePretrained(directory);
    } else {
      await this.base.savePretrainedMerged(directory, tokenizer, options);
    }
  }

  /** A few lines in a terminal or a cell, instead of all tensors. */
  [inspect.custom](): string {
    const { r, loraAlpha, targetModules } = this.peftConfig;
    const { trainable, all, percent } = this.trainableCount();
    const grouped = (count: number) => count.toLocaleString("en-US");
    return [
      `PeftModel: LoRA of rank ${r}, alpha ${loraAlpha}, on ${targetModules.join(", ")}`,
      `  trains ${grouped(trainable)} of ${grouped(all)} parameters (${percent.toFixed(2)} %)`,
      `  base ${inspect(this.base).replaceAll("\n", "\n  ")}`,
    ].join("\n");
  }

  memory(): MemoryReport {
    return this.base.memory();
  }

  numParameters(): number {
    return this.base.numParameters();
  }

  /** Takes the adapter off and gives the base model back. */
  unload(): LoadedModel {
    this.endTraining();
    detachLora(this.network);
    return this.base;
  }

  dispose(): void {
    this.unload().dispose();
  }

  /** The plan that is there, when it was made for as many tokens; a pass that was not foreseen gets its own. */
  #planFor(tokens: number): PassPlan {
    if (this.#plan !== null && tokens <= this.#plan.tokensPerPass) return this.#plan;
    return this.#choosePlan({ tokens, longest: tokens, maxTokens: null });
  }

  #choosePlan(load: TrainingLoad): PassPlan {
    const { network } = this;
    const hasHost = activeCuda() !== null;
    const { useGradientCheckpointing: chosen } = this.peftConfig;
    // With one memory there is nowhere to move anything to.
    const mode = chosen === "unsloth" && !hasHost ? "auto" : chosen;
    const parameters = this.trainableParameters();
    const plan = () => planPasses(passShape(network), { mode, ...load, budget: freeForPasses(parameters), hasHost });
    this.#plan = plan();
    // A pass reads few rows of the embedding, so it costs hardly anything to have it elsewhere; a tied head reads all.
    const worthwhile = mode === "unsloth" || (mode === "auto" && !keepsEverything(this.#plan, load.tokens));
    if (hasHost && worthwhile && !this.config.tieWordEmbeddings) {
      moveTableToHost(network.embedTokens);
      this.#plan = plan();
    }
    return this.#plan;
  }

  #memoryAdvice(what: "training" | "evaluation", { inputIds, cuSeqlens }: PackedBatch): MemoryAdvice {
    const sequences = cuSeqlens.length - 1;
    const ways = ["lower maxTokensPerForward in TrainingArguments (or perDeviceTrainBatchSize) or maxSeqLength"];
    if (what === "training" && this.peftConfig.useGradientCheckpointing !== "unsloth") {
      ways.unshift('set useGradientCheckpointing: "unsloth" in getPeftModel');
    }
    if (!this.base.loadedIn4bit) ways.push("load the model with loadIn4bit: true");
    ways.push("dispose() of models that are no longer needed");
    return {
      where: `It was a pass of ${what} over ${inputIds.length.toLocaleString("en-US")} tokens in ${sequences} sequence${sequences === 1 ? "" : "s"}.`,
      hint: `${listed(ways)}.`,
    };
  }
}

function refuseSecondAdapter(base: LoadedModel): void {
  if (!adaptedProjections(base.network).next().done) {
    fail("The model carries an adapter already.", { hint: "Take it off with unload(), or load the model again." });
  }
}

/** "Set a, lower b, or c" */
function listed(ways: readonly string[]): string {
  const text = ways.length === 1 ? ways[0]! : `${ways.slice(0, -1).join(", ")}, or ${ways.at(-1)}`;
  return text[0]!.toUpperCase() + text.slice(1);
}
