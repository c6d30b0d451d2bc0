/** A frozen model with a trainable low-rank adapter. */
import { freemem } from "node:os";
import { checkOptions, fail, suggestion } from "../errors.js";
import type { GenerateOptions } from "../generate/options.js";
import type { LanguageModel, MemoryReport, SaveMergedOptions } from "../models/languageModel.js";
import type { LoadedModel } from "../models/loadedModel.js";
import type { PackedBatch, Saving } from "../tensor/layers.js";
import { storedBytes, tensorMemory } from "../tensor/memory.js";
import type { Parameter } from "../tensor/parameter.js";
import { shiftedTargets } from "../tensor/portable/crossEntropy.js";
import type { TokenizerLike } from "../tokenizer/tokenizer.js";
import type { TrainableModel, TrainingPass } from "../train/trainable.js";
import { readAdapter, readAdapterConfig, readAdapterWeights, writeAdapter } from "./adapterFiles.js";
import { adaptedProjections, attachLora, detachLora } from "./attach.js";
import type { LoraConfig } from "./loraConfig.js";

const SAVE_METHODS = ["merged_16bit", "lora"] as const;

export class PeftModel implements LanguageModel, TrainableModel {
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

  forwardBackward(batch: PackedBatch, numItems: number, pass: TrainingPass): Promise<number> {
    const maxTokens = batch.inputIds.length;
    const savings = this.network.layers.map(() => this.#saving(maxTokens));
    return this.network.forwardBackward(batch, numItems, { savings, inputs: "device", maxTokens, seed: pass.seed });
  }

  async evaluateLoss(batch: PackedBatch): Promise<{ lossSum: number; numItems: number }> {
    return { lossSum: await this.network.lossSum(batch), numItems: shiftedTargets(batch).rows.length };
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

  memory(): MemoryReport {
    return this.base.memory();
  }

  numParameters(): number {
    return this.base.numParameters();
  }

  /** Takes the adapter off and gives the base model back. */
  unload(): LoadedModel {
    detachLora(this.network);
    return this.base;
  }

  dispose(): void {
    this.unload().dispose();
  }

  #saving(tokens: number): Saving {
    const choice = this.peftConfig.useGradientCheckpointing;
    if (typeof choice === "boolean") return choice ? "none" : "all";
    return activationBytes(this, tokens) < freeBytes() / 2 ? "all" : "none";
  }
}

function refuseSecondAdapter(base: LoadedModel): void {
  if (!adaptedProjections(base.network).next().done) {
    fail("The model carries an adapter already.", { hint: "Take it off with unload(), or load the model again." });
  }
}

/** Memory that is free where activations live; on a GPU with what its pool has had before and will hand out again. */
function freeBytes(): number {
  const { gpu } = tensorMemory();
  return gpu === null ? freemem() : gpu.free + gpu.peak - gpu.inUse;
}

/** Bytes that all layers keep when nothing is recomputed: the inputs and outputs of each projection and norm. */
function activationBytes({ config, network }: PeftModel, tokens: number): number {
  const { hiddenSize, intermediateSize, numHeads, numKvHeads, headDim, numLayers } = config;
  const elementBytes = storedBytes(network.embedTokens) / network.embedTokens.size;
  const perToken = 6 * hiddenSize + 3 * intermediateSize + (3 * numHeads + 2 * numKvHeads) * headDim;
  return elementBytes * perToken * tokens * numLayers;
}
