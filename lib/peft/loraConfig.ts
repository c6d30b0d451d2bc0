/** LoRA's options as getPeftModel takes them, and as adapter_config.json holds them. */
import { checkOptions, fail, shown, suggestion } from "../errors.js";
import { PROJECTIONS, type Projection } from "../tensor/layers.js";

export interface PeftOptions {
  /** Rank of the two factors. Default 16. */
  r?: number;
  /** Projections that get an adapter; "all-linear" is all seven, as in PEFT. Default: all seven. */
  targetModules?: readonly (Projection | (string & {}))[] | "all-linear";
  /** Numerator of the scaling alpha / r. Default 16. */
  loraAlpha?: number;
  /** Probability in [0, 1) of dropping an input of A in training. Default 0. */
  loraDropout?: number;
  /** Only "none": the base model's biases stay frozen. */
  bias?: "none";
  /**
   * What backward finds of the forward pass. false: everything is kept. true: every layer keeps its input and
   * computes the rest again. "unsloth": the same with the inputs in host memory, and the embedding there too; where that
   * is the only memory (CPU) it equals "auto". "auto": the fastest that fits the free memory, layer by layer, with
   * inputs and embedding in host memory where that helps; the start of training says what was chosen. All of them give
   * the same gradients, and divide a step into passes when memory asks for it. Default "unsloth".
   */
  useGradientCheckpointing?: boolean | "unsloth" | "auto";
  /** Seed of A's initial values. Default 3407. */
  randomState?: number;
  /** Rank-stabilised scaling alpha / sqrt(r). Default false. */
  useRslora?: boolean;
  /** Only null: LoftQ initialisation is not part of tunelab. */
  loftqConfig?: null;
  /** Indices of the decoder layers that get adapters, or one index. Default: all. */
  layersToTransform?: readonly number[] | number | null;
}

export interface LoraConfig {
  readonly r: number;
  readonly targetModules: readonly Projection[];
  readonly loraAlpha: number;
  readonly loraDropout: number;
  readonly useGradientCheckpointing: boolean | "unsloth" | "auto";
  readonly randomState: number;
  readonly useRslora: boolean;
  readonly layersToTransform: readonly number[] | null;
}

const OPTIONS = [
  "r",
  "targetModules",
  "loraAlpha",
  "loraDropout",
  "bias",
  "useGradientCheckpointing",
  "randomState",
  "useRslora",
  "loftqConfig",
  "layersToTransform",
] as const satisfies readonly (keyof PeftOptions)[];

const FROZEN = "Only the projections learn; embeddings, norms and the head stay as they were loaded.";
const ONE_RANK = "All adapters have the rank r and the scaling of loraAlpha.";

/** Options of PEFT and Unsloth that people know and tunelab does differently: what to do instead. */
export const ELSEWHERE = {
  modulesToSave: FROZEN,
  trainableTokenIndices: FROZEN,
  rankPattern: ONE_RANK,
  alphaPattern: ONE_RANK,
  useDora: "Weight-decomposed adapters are not part of tunelab: leave it out.",
  initLoraWeights: "Leave it out: A begins at random by randomState, B at zero, as in PEFT.",
  layersPattern: "Leave it out: layersToTransform alone says which decoder layers.",
  excludeModules: "Leave it out, and name the projections in targetModules.",
  taskType: "Leave it out: models are causal language models.",
  inferenceMode: "Leave it out: FastLanguageModel.forInference(model) switches.",
  maxSeqLength: "Give it to fromPretrained({ maxSeqLength }).",
  seed: "Its name is randomState.",
} as const;

/** Checks the options of getPeftModel and fills in the defaults. */
export function resolveLoraConfig(options: PeftOptions): LoraConfig {
  checkOptions("getPeftModel", options, OPTIONS, ELSEWHERE);
  const config = {
    r: options.r ?? 16,
    targetModules: targets(options.targetModules ?? "all-linear"),
    loraAlpha: options.loraAlpha ?? 16,
    loraDropout: options.loraDropout ?? 0,
    useGradientCheckpointing: options.useGradientCheckpointing ?? "unsloth",
    randomState: options.randomState ?? 3407,
    useRslora: options.useRslora ?? false,
    layersToTransform: layers(options.layersToTransform ?? null),
  };
  if (!Number.isInteger(config.r) || config.r < 1) fail(`r is ${shown(config.r)}, not a positive integer.`);
  if (typeof config.loraAlpha !== "number" || !(config.loraAlpha > 0))
    fail(`loraAlpha is ${shown(config.loraAlpha)}, not a positive number.`);
  if (typeof config.loraDropout !== "number" || !(config.loraDropout >= 0 && config.loraDropout < 1))
    fail(`loraDropout is ${shown(config.loraDropout)}, not in [0, 1).`);
  if (!Number.isSafeInteger(config.randomState)) fail(`randomState is ${shown(config.randomState)}, not an integer.`);
  if (typeof config.useRslora !== "boolean") fail(`useRslora is ${shown(config.useRslora)}, not true or false.`);
  if (config.targetModules.length === 0)
    fail("targetModules is empty.", { hint: `Name some of ${PROJECTIONS.join(", ")}.` });
  if ((options.bias ?? "none") !== "none") fail(`bias "${options.bias}" is not supported.`, { hint: 'Use "none".' });
  if ((options.loftqConfig ?? null) !== null)
    fail("loftqConfig is not null, but LoftQ initialisation is not part of tunelab.", { hint: "Use null." });
  if (![true, false, "unsloth", "auto"].includes(config.useGradientCheckpointing)) {
    fail(`useGradientCheckpointing is ${JSON.stringify(config.useGradientCheckpointing)}.`, {
      hint: 'Use true, false, "unsloth" or "auto".',
    });
  }
  return config;
}

function targets(given: unknown): readonly Projection[] {
  if (given === "all-linear") return PROJECTIONS;
  if (Array.isArray(given)) return given.map(projection);
  fail(`targetModules is ${shown(given)}.`, { hint: 'Give a list of projections, or "all-linear".' });
}

function layers(given: unknown): readonly number[] | null {
  const list = typeof given === "number" ? [given] : given;
  if (list !== null && !(Array.isArray(list) && list.every(Number.isInteger))) {
    fail(`layersToTransform is ${shown(given)}.`, { hint: "Give a list of layer indices, or null for all layers." });
  }
  return list;
}

function projection(name: string): Projection {
  const found = PROJECTIONS.find((candidate) => candidate === name);
  if (found === undefined) {
    fail(`The target module "${name}" matches no projection of the model.`, { hint: suggestion(name, PROJECTIONS) });
  }
  return found;
}

/** alpha / r, or alpha / sqrt(r) with rank-stabilised LoRA (Kalajdzievski 2023). */
export function loraScaling(config: LoraConfig): number {
  return config.loraAlpha / (config.useRslora ? Math.sqrt(config.r) : config.r);
}

/** The adapter_config.json that PEFT reads. */
export function toAdapterConfig(config: LoraConfig, baseModel: string): Record<string, unknown> {
  return {
    base_model_name_or_path: baseModel,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layers_to_transform: config.layersToTransform,
    lora_alpha: config.loraAlpha,
    lora_dropout: config.loraDropout,
    modules_to_save: null,
    peft_type: "LORA",
    r: config.r,
    target_modules: [...config.targetModules].sort(),
    task_type: "CAUSAL_LM",
    use_dora: false,
    use_rslora: config.useRslora,
  };
}

/** Reads PEFT's adapter_config.json; what changes the result and is not computed here is refused by name. */
export function fromAdapterConfig(raw: Record<string, unknown>): LoraConfig {
  if (raw.peft_type !== "LORA") fail(`adapter_config.json: peft_type ${JSON.stringify(raw.peft_type)} is not LORA.`);
  for (const key of ["use_dora", "use_qalora", "lora_bias", "fan_in_fan_out"]) {
    if (raw[key] === true) fail(`adapter_config.json: ${key} is not supported.`);
  }
  for (const key of ["rank_pattern", "alpha_pattern"]) {
    if (Object.keys((raw[key] as object | null | undefined) ?? {}).length > 0) {
      fail(`adapter_config.json: ${key} is not supported.`);
    }
  }
  if (Array.isArray(raw.modules_to_save) && raw.modules_to_save.length > 0) {
    fail(`adapter_config.json: modules_to_save (${raw.modules_to_save.join(", ")}) is not supported.`);
  }
  const names = raw.target_modules;
  if (!Array.isArray(names)) fail("adapter_config.json: target_modules is not a list of names.");
  const chosen = raw.layers_to_transform;
  return resolveLoraConfig({
    r: Number(raw.r),
    targetModules: names.map(String),
    loraAlpha: Number(raw.lora_alpha),
    loraDropout: Number(raw.lora_dropout ?? 0),
    useRslora: raw.use_rslora === true,
    layersToTransform: Array.isArray(chosen) || typeof chosen === "number" ? [chosen].flat().map(Number) : null,
  });
}
