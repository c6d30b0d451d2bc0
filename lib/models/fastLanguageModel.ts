/** The four calls of the article: load, attach an adapter, and switch between training and inference. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { checkOptions, fail, shown } from "../errors.js";
import { isAdapterDirectory, readAdapterConfig } from "../peft/adapterFiles.js";
import { adaptedProjections } from "../peft/attach.js";
import { type PeftOptions, resolveLoraConfig } from "../peft/loraConfig.js";
import { PeftModel } from "../peft/peftModel.js";
import { initBackend, isBfloat16Supported } from "../tensor/backend.js";
import { activeCuda } from "../tensor/cuda/backend.js";
import type { ComputeType } from "../tensor/cuda/weights.js";
import { withMemoryAdvice } from "../tensor/outOfMemory.js";
import { Tokenizer, type TokenizerLike } from "../tokenizer/tokenizer.js";
import type { ModelConfig } from "./config.js";
import type { LanguageModel } from "./languageModel.js";
import { loadNetwork, readConfig } from "./load.js";
import { LoadedModel, readGenerationConfig } from "./loadedModel.js";
import { type ModelSource, resolveModel } from "./source.js";

export interface FromPretrainedOptions {
  /** A model of the hub, a folder in Hugging Face layout, or a folder that holds an adapter. */
  modelName: string;
  /** Longest training text in tokens; at most the model's positions. Default 2048. */
  maxSeqLength?: number;
  /**
   * What activations are computed in, and what weights that are not quantised are held in. On the backend "cuda" null picks
   * bfloat16 for models of 1,024 hidden units or more and float32 for smaller ones; all other backends compute in float32.
   * float16 is more exact than bfloat16 and holds numbers up to 65,504 only: training scales its loss (see `fp16` in
   * TrainingArguments), and a model whose activations grow beyond gives no numbers. Adapters and their gradients are
   * float32 everywhere. Default null.
   */
  dtype?: ComputeType | null;
  /** Quantise the projections to NF4 with double quantisation. Default true. */
  loadIn4bit?: boolean;
  /** Access token of the hub. Default: the environment's HF_TOKEN or HUGGINGFACE_TOKEN. */
  token?: string | undefined;
  /** Branch, tag or commit on the hub. Default "main". */
  revision?: string;
}

const OPTIONS = [
  "modelName",
  "maxSeqLength",
  "dtype",
  "loadIn4bit",
  "token",
  "revision",
] as const satisfies readonly (keyof FromPretrainedOptions)[];

const NO_DEVICE = "The backend decides where a model lies: call await tf.setBackend(name) before.";
const NF4_ONLY = "Weights are held in NF4 (loadIn4bit: true), or as dtype says (loadIn4bit: false).";

/** Options of Unsloth and transformers that people know and tunelab does differently: what to do instead. */
export const ELSEWHERE = {
  loadIn8bit: NF4_ONLY,
  loadIn16bit: NF4_ONLY,
  fullFinetuning: "Adapters are trained: attach them with getPeftModel.",
  quantizationConfig: NF4_ONLY,
  torchDtype: "Its name is dtype.",
  deviceMap: NO_DEVICE,
  device: NO_DEVICE,
  trustRemoteCode: "Leave it out: no code of a repository is run.",
  attnImplementation: "Leave it out: there is one attention, without padding.",
  useGradientCheckpointing: "Give it to getPeftModel({ useGradientCheckpointing }).",
  fastInference: "Leave it out: generate keeps keys and values by itself.",
  gpuMemoryUtilization: "Leave it out: memory is taken as it is needed.",
  maxLoraRank: "Leave it out: getPeftModel takes any r.",
  ropeScaling: "Leave it out: the model's own configuration says it.",
  cacheDir: "Set the environment variable HF_HOME.",
  localFilesOnly: "Set the environment variable HF_HUB_OFFLINE=1.",
} as const;

/** Hidden units from which a model is computed in bfloat16. */
const BFLOAT16_HIDDEN_SIZE = 1024;

export const FastLanguageModel = {
  /** Loads a model and its tokenizer; with an adapter folder, the base model it names and the adapter on it. */
  async fromPretrained(options: FromPretrainedOptions): Promise<{ model: LanguageModel; tokenizer: TokenizerLike }> {
    checkOptions("fromPretrained", options, OPTIONS, ELSEWHERE);
    if (typeof options.modelName !== "string" || options.modelName === "") fail("fromPretrained needs a modelName.");
    if (typeof (options.loadIn4bit ?? true) !== "boolean")
      fail(`loadIn4bit is ${shown(options.loadIn4bit)}, but it must be true or false.`);
    const backend = await initBackend();
    if (!isComputed(options.dtype ?? "float32")) {
      fail(`dtype "${options.dtype}" is not computed on the backend "${backend}".`, { hint: 'Use null or "float32".' });
    }
    const source = await resolveModel(options.modelName, options);
    if (!isAdapterDirectory(source.directory)) return loadBase(source, source, options);
    const { baseModel } = await readAdapterConfig(source.directory);
    if (baseModel === "")
      fail(`The adapter in ${source.directory} does not name its base model (base_model_name_or_path).`);
    const { model, tokenizer } = await loadBase(await resolveModel(baseModel, options), source, options);
    return { model: await PeftModel.fromPretrained(model, source.directory), tokenizer };
  },

  /** Freezes the model and puts LoRA adapters beside its projections. */
  async getPeftModel(model: LanguageModel, options: PeftOptions = {}): Promise<PeftModel> {
    const config = resolveLoraConfig(options);
    checkModel("getPeftModel", model);
    if (!(model instanceof LoadedModel)) {
      fail("getPeftModel was given a model that carries an adapter already.", {
        hint: "Pass the model that fromPretrained returned.",
      });
    }
    return PeftModel.attach(model, config);
  },

  /** Switches the LoRA dropout of training passes on; the trainer does so too. */
  forTraining<T extends LanguageModel>(model: T): T {
    checkModel("forTraining", model);
    model.network.training = true;
    return model;
  },

  /** Switches LoRA dropout off and frees the adapter's gradients and what was kept for training passes. */
  forInference<T extends LanguageModel>(model: T): T {
    checkModel("forInference", model);
    model.network.training = false;
    for (const { linear } of adaptedProjections(model.network)) {
      linear.lora?.a.zeroGrad();
      linear.lora?.b.zeroGrad();
    }
    if (model instanceof PeftModel) model.endTraining();
    return model;
  },
};

function checkModel(where: string, model: LanguageModel | undefined): void {
  if (model?.network !== undefined) return;
  fail(`${where} takes a model, got ${shown(model)}.`, {
    hint: "Give it the model of: const { model, tokenizer } = await FastLanguageModel.fromPretrained({ … }).",
  });
}

async function loadBase(source: ModelSource, tokenizerSource: ModelSource, options: FromPretrainedOptions) {
  const { directory } = source;
  const config = await readConfig(directory);
  const maxSeqLength = options.maxSeqLength ?? Math.min(2048, config.maxPositionEmbeddings);
  if (!Number.isInteger(maxSeqLength) || maxSeqLength < 1 || maxSeqLength > config.maxPositionEmbeddings) {
    fail(`maxSeqLength is ${maxSeqLength}; the model has positions for 1 to ${config.maxPositionEmbeddings} tokens.`);
  }
  const ownTokenizer = existsSync(join(tokenizerSource.directory, "tokenizer.json"));
  const tokenizer = await Tokenizer.fromDirectory(ownTokenizer ? tokenizerSource.directory : directory);
  const loadIn4bit = options.loadIn4bit ?? true;
  const computeType = options.dtype ?? defaultComputeType(config);
  const advice = () => ({
    where: `The model ${source.requested} was being loaded.`,
    hint:
      `${loadIn4bit ? "Load a smaller model" : "Load it with loadIn4bit: true, or a smaller model"}, or dispose() of ` +
      "models that are no longer needed.",
  });
  const network = await withMemoryAdvice(advice, () => loadNetwork(directory, config, { loadIn4bit, computeType }));
  const model = new LoadedModel(network, source, maxSeqLength, loadIn4bit, await readGenerationConfig(directory));
  return { model, tokenizer };
}

/** Whether the active backend computes in `dtype`. */
function isComputed(dtype: ComputeType): boolean {
  if (dtype === "bfloat16") return isBfloat16Supported();
  return dtype === "float32" || (dtype === "float16" && activeCuda() !== null);
}

/** bfloat16 halves memory and traffic; small models are bound by neither, and follow the CPU exactly in float32. */
function defaultComputeType({ hiddenSize }: ModelConfig): ComputeType {
  return isBfloat16Supported() && hiddenSize >= BFLOAT16_HIDDEN_SIZE ? "bfloat16" : "float32";
}
