/** The options of generate, with the defaults of transformers' GenerationConfig. */
import { checkOptions, fail } from "../errors.js";
import type { Streamer } from "./streamer.js";

export interface GenerateOptions {
  /** Prompts, as the tokenizer returns them: one row of token ids each. */
  inputIds: readonly (readonly number[])[];
  /** 1 at real tokens, 0 at padding; default: everything is real. */
  attentionMask?: readonly (readonly number[])[];
  /** Most tokens to add to each prompt. Default 128. */
  maxNewTokens?: number;
  /** Fewest tokens before EOS may be chosen. Default 0. */
  minNewTokens?: number;
  /** Draw from the distribution instead of taking the likeliest token. Default: generation_config.json's, else false. */
  doSample?: boolean;
  /** Divides the logits before drawing; > 0. Default 1. */
  temperature?: number;
  /** Draw from the k likeliest tokens; 0 is all. Default 50. */
  topK?: number;
  /** Draw from the smallest set of tokens whose probability reaches p, in (0, 1]. Default 1. */
  topP?: number;
  /** > 1 makes tokens that are already there less likely (Keskar et al. 2019). Default 1. */
  repetitionPenalty?: number;
  /** Tokens that end a row. Default: generation_config.json's, else the config's, else none. */
  eosTokenId?: number | readonly number[] | null;
  /** Fills finished rows. Default: the config's, else the first EOS. */
  padTokenId?: number;
  /** Keep keys and values of the tokens seen so far. false computes everything anew at each token. Default true. */
  useCache?: boolean;
  /** Seeds the draws. Default 0. */
  seed?: number;
  /** Receives the tokens as they come; one prompt only. */
  streamer?: Streamer;
}

export interface ResolvedGenerateOptions {
  readonly maxNewTokens: number;
  readonly minNewTokens: number;
  readonly doSample: boolean;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly repetitionPenalty: number;
  readonly eosTokenIds: readonly number[];
  readonly padTokenId: number;
  readonly useCache: boolean;
  readonly seed: number;
}

/** What generation_config.json and config.json say, when the call does not. */
export interface GenerationDefaults {
  readonly doSample?: boolean;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly repetitionPenalty?: number;
  readonly eosTokenIds: readonly number[];
  readonly padTokenId: number | null;
}

const OPTIONS = [
  "inputIds",
  "attentionMask",
  "maxNewTokens",
  "minNewTokens",
  "doSample",
  "temperature",
  "topK",
  "topP",
  "repetitionPenalty",
  "eosTokenId",
  "padTokenId",
  "useCache",
  "seed",
  "streamer",
] as const satisfies readonly (keyof GenerateOptions)[];

export function resolveGenerateOptions(
  options: GenerateOptions,
  defaults: GenerationDefaults,
): ResolvedGenerateOptions {
  checkOptions("generate", options, OPTIONS);
  const eosTokenIds =
    options.eosTokenId === undefined
      ? defaults.eosTokenIds
      : options.eosTokenId === null
        ? []
        : [options.eosTokenId].flat();
  const resolved = {
    maxNewTokens: options.maxNewTokens ?? 128,
    minNewTokens: options.minNewTokens ?? 0,
    doSample: options.doSample ?? defaults.doSample ?? false,
    temperature: options.temperature ?? defaults.temperature ?? 1,
    topK: options.topK ?? defaults.topK ?? 50,
    topP: options.topP ?? defaults.topP ?? 1,
    repetitionPenalty: options.repetitionPenalty ?? defaults.repetitionPenalty ?? 1,
    eosTokenIds,
    padTokenId: options.padTokenId ?? defaults.padTokenId ?? eosTokenIds[0] ?? 0,
    useCache: options.useCache ?? true,
    seed: options.seed ?? 0,
  };
  natural("maxNewTokens", resolved.maxNewTokens, 1);
  natural("minNewTokens", resolved.minNewTokens, 0);
  natural("topK", resolved.topK, 0);
  if (!(resolved.temperature > 0))
    fail(`temperature is ${resolved.temperature}; it must be above 0.`, {
      hint: "Use doSample: false for the likeliest token.",
    });
  if (!(resolved.topP > 0 && resolved.topP <= 1)) fail(`topP is ${resolved.topP}, not in (0, 1].`);
  if (!(resolved.repetitionPenalty > 0))
    fail(`repetitionPenalty is ${resolved.repetitionPenalty}; it must be above 0.`);
  if (options.streamer !== undefined && options.inputIds.length !== 1) {
    fail(`A streamer shows one text, but inputIds has ${options.inputIds.length} rows.`, {
      hint: "Generate them one by one.",
    });
  }
  return resolved;
}

function natural(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) fail(`${name} is ${value}, not an integer of at least ${least}.`);
}
