/** The options of generate, with the defaults of transformers' GenerationConfig. */
import { checkOptions, fail, shown } from "../errors.js";
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

const NO_BEAMS =
  "Beams are not searched: leave it out for the likeliest token at each step, or draw with doSample: true.";
const ONE_ANSWER = "Give the prompt as often as you want answers, with doSample: true: each row draws its own.";
const TOKENS_ONLY = "Only token ids are returned; tokenizer.batchDecode turns them into text.";
const OTHER_DRAWS = "Draws are shaped by temperature, topK, topP and repetitionPenalty.";

/** Options of transformers that people know and tunelab does differently: what to do instead. */
export const ELSEWHERE = {
  numBeams: NO_BEAMS,
  numBeamGroups: NO_BEAMS,
  lengthPenalty: NO_BEAMS,
  earlyStopping: NO_BEAMS,
  penaltyAlpha: NO_BEAMS,
  numReturnSequences: ONE_ANSWER,
  maxLength: "Give maxNewTokens, which counts only what is added to the prompt.",
  minLength: "Give minNewTokens, which counts only what is added to the prompt.",
  stoppingCriteria: "Generation ends at eosTokenId or maxNewTokens; cut what goes on behind from the text.",
  stopStrings: "Generation ends at eosTokenId or maxNewTokens; cut what goes on behind from the text.",
  maxTime: "Generation ends at eosTokenId or maxNewTokens, or when the cell is interrupted.",
  logitsProcessor: OTHER_DRAWS,
  minP: OTHER_DRAWS,
  typicalP: OTHER_DRAWS,
  noRepeatNgramSize: OTHER_DRAWS,
  badWordsIds: OTHER_DRAWS,
  returnDictInGenerate: TOKENS_ONLY,
  outputScores: TOKENS_ONLY,
  outputLogits: TOKENS_ONLY,
  generationConfig: "Give its options by themselves; the model's generation_config.json is read already.",
  prompt: "Give ...tokenizer(prompt), which holds inputIds and attentionMask.",
} as const;

export function resolveGenerateOptions(
  options: GenerateOptions,
  defaults: GenerationDefaults,
): ResolvedGenerateOptions {
  checkOptions("generate", options, OPTIONS, ELSEWHERE);
  if (!isRows(options.inputIds)) {
    fail(`inputIds is ${shown(options.inputIds)}, not a list of prompts with their token ids.`, {
      hint: "Give what the tokenizer returns: model.generate({ ...tokenizer(prompt) }).",
    });
  }
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
      hint: "Leave it out, with doSample: false, for the likeliest token at each step.",
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

function isRows(inputIds: unknown): boolean {
  return Array.isArray(inputIds) && inputIds.every((row) => Array.isArray(row) || ArrayBuffer.isView(row));
}

function natural(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least)
    fail(`${name} is ${shown(value)}, not an integer of at least ${least}.`);
}
