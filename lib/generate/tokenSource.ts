/** Where the next tokens of texts come from: chosen here from logits, or on the GPU, where only the tokens come back. */
import type * as tf from "@tensorflow/tfjs";
import { type CausalLM, pack } from "../models/causalLm.js";
import type { DecoderTexts } from "../native/addon.js";
import { createRandom } from "../random.js";
import type { DeviceDecoder } from "../tensor/cuda/decoder.js";
import type { KvCache } from "../tensor/layers.js";
import type { ResolvedGenerateOptions } from "./options.js";
import { chooseToken, penalizeRepetition } from "./sample.js";

/** One text being written. */
export interface Row {
  readonly prompt: readonly number[];
  readonly tokens: number[];
  readonly seen: Set<number>;
  readonly seed: number;
  finished: boolean;
}

export interface TokenSource {
  /** The next token of each row that is not finished. */
  next(): Promise<readonly number[]>;
  dispose(): void;
}

/** The GPU sorts this many of the likeliest tokens for a draw. */
const MOST_SORTED = 1024;

export function tokenSource(model: CausalLM, rows: readonly Row[], options: ResolvedGenerateOptions): TokenSource {
  const choose = chooser(rows, options);
  if (!options.useCache) return { next: () => choose(whole(model, rows)), dispose: () => undefined };
  const capacity = Math.max(...rows.map((row) => row.prompt.length)) + options.maxNewTokens;
  const cache = model.createCache(rows.length, capacity);
  let decoder: DeviceDecoder | null = null;
  return {
    async next() {
      if (decoder === null) {
        const logits = step(model, rows, cache);
        const first = rows.every((row) => row.tokens.length === 0);
        if (first && sortable(options)) decoder = model.decoder(cache, described(model, rows, options), logits);
        if (decoder === null) return choose(logits);
        logits.dispose();
      }
      const tokens = await decoder.next();
      return rows.flatMap((row, i) => (row.finished ? [] : [tokens[i] as number]));
    },
    dispose() {
      decoder?.dispose();
      cache.dispose();
    },
  };
}

/** Logits that follow the rows that are not finished, every position computed anew. */
function whole(model: CausalLM, rows: readonly Row[]): tf.Tensor2D {
  const open = rows.filter((row) => !row.finished);
  return model.lastLogits(pack(open.map((row) => [...row.prompt, ...row.tokens])));
}

/** The same through a cache: the prompts once, then one token a row, with finished rows left out. */
function step(model: CausalLM, rows: readonly Row[], cache: KvCache): tf.Tensor2D {
  const fresh = rows.map((row) => (row.finished ? [] : row.tokens.length === 0 ? row.prompt : row.tokens.slice(-1)));
  const starts = rows.map((row, i) => row.prompt.length + row.tokens.length - (fresh[i]?.length ?? 0));
  const batch = pack(fresh, starts);
  return model.step(batch.inputIds, batch, cache);
}

function chooser(rows: readonly Row[], options: ResolvedGenerateOptions) {
  const randoms = rows.map((row) => createRandom(row.seed));
  return async (logits: tf.Tensor2D): Promise<number[]> => {
    const values = (await logits.data()) as Float32Array;
    logits.dispose();
    const [, width] = logits.shape;
    let at = 0;
    return rows.flatMap((row, i) => {
      if (row.finished) return [];
      const own = values.slice(at, at + width);
      at += width;
      penalizeRepetition(own, row.seen, options.repetitionPenalty);
      if (row.tokens.length < options.minNewTokens) {
        for (const token of options.eosTokenIds) own[token] = Number.NEGATIVE_INFINITY;
      }
      return [chooseToken(own, options, randoms[i]!)];
    });
  };
}

function sortable({ doSample, topK }: ResolvedGenerateOptions): boolean {
  return !doSample || (topK > 0 && topK <= MOST_SORTED);
}

/** What the GPU needs to know to choose as `chooser` does, with the same draws. */
function described(model: CausalLM, rows: readonly Row[], options: ResolvedGenerateOptions): DecoderTexts {
  const { vocabSize } = model.config;
  const words = Math.ceil(vocabSize / 32);
  const seen = new Int32Array(rows.length * words);
  const uniforms = new Float32Array(options.doSample ? rows.length * options.maxNewTokens : 0);
  rows.forEach((row, i) => {
    for (const token of row.seen) seen[i * words + (token >> 5)]! |= 1 << (token & 31);
    const random = createRandom(row.seed);
    if (!options.doSample) return;
    for (let j = 0; j < options.maxNewTokens; j++) uniforms[i * options.maxNewTokens + j] = random.next();
  });
  const { doSample, temperature, topK, topP, repetitionPenalty, minNewTokens, maxNewTokens, padTokenId } = options;
  return {
    lengths: Int32Array.from(rows, (row) => row.prompt.length),
    doSample,
    temperature,
    topK,
    topP,
    repetitionPenalty,
    minNewTokens,
    maxNewTokens,
    padTokenId: padTokenId < vocabSize ? padTokenId : 0,
    eosTokenIds: Int32Array.from(options.eosTokenIds),
    seen: repetitionPenalty === 1 ? null : seen,
    uniforms: doSample ? uniforms : null,
    graph: true,
  };
}
