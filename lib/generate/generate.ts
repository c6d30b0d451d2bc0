/**
 * Text generation. Prompts of a batch are never padded inside the model: each row is its own packed sequence with its
 * own place in the cache, so a batch answers exactly what its rows answer one by one.
 */
import type * as tf from "@tensorflow/tfjs";
import { fail } from "../errors.js";
import { type CausalLM, pack } from "../models/causalLm.js";
import { createRandom, type Random } from "../random.js";
import {
  type GenerateOptions,
  type GenerationDefaults,
  type ResolvedGenerateOptions,
  resolveGenerateOptions,
} from "./options.js";
import { chooseToken, penalizeRepetition } from "./sample.js";

/** One text being written. */
interface Row {
  readonly prompt: readonly number[];
  readonly tokens: number[];
  readonly seen: Set<number>;
  readonly random: Random;
  finished: boolean;
}

/** Computes the logits that follow the tokens so far of the rows that are not finished. */
interface Stepper {
  next(rows: readonly Row[]): tf.Tensor2D;
  dispose(): void;
}

/**
 * Continues each prompt until EOS or `maxNewTokens`.
 * @returns one row of token ids per prompt: the prompt as given (padding included), then the new tokens, rows filled
 *   up with the padding token to one length
 */
export async function generate(
  model: CausalLM,
  options: GenerateOptions,
  defaults: GenerationDefaults,
): Promise<number[][]> {
  const resolved = resolveGenerateOptions(options, defaults);
  const rows = options.inputIds.map((ids, i) => startRow(ids, options.attentionMask?.[i], resolved.seed + i));
  if (rows.length === 0) fail("inputIds is empty.", { hint: "Pass the tokenizer's output of at least one prompt." });
  checkLength(model, rows, resolved.maxNewTokens);
  options.streamer?.put(rows[0]?.prompt ?? []);
  const stepper = resolved.useCache ? cachedStepper(model, rows, resolved.maxNewTokens) : fullStepper(model);
  try {
    while (rows.some((row) => !row.finished)) {
      const open = rows.filter((row) => !row.finished);
      const logits = stepper.next(rows);
      const values = (await logits.data()) as Float32Array;
      logits.dispose();
      const width = values.length / open.length;
      open.forEach((row, i) => {
        const token = nextToken(row, values.slice(i * width, (i + 1) * width), resolved);
        options.streamer?.put([token]);
      });
    }
  } finally {
    stepper.dispose();
  }
  options.streamer?.end();
  const longest = Math.max(...rows.map((row) => row.tokens.length));
  return rows.map((row, i) => [
    ...(options.inputIds[i] as readonly number[]),
    ...row.tokens,
    ...new Array<number>(longest - row.tokens.length).fill(resolved.padTokenId),
  ]);
}

function startRow(ids: readonly number[], mask: readonly number[] | undefined, seed: number): Row {
  if (mask !== undefined && mask.length !== ids.length) {
    fail(`attentionMask has ${mask.length} entries where inputIds has ${ids.length}.`);
  }
  const prompt = mask === undefined ? ids : ids.filter((_, i) => mask[i] === 1);
  if (prompt.length === 0) fail("A prompt has no tokens.");
  return { prompt, tokens: [], seen: new Set(prompt), random: createRandom(seed), finished: false };
}

function checkLength(model: CausalLM, rows: readonly Row[], maxNewTokens: number): void {
  const longest = Math.max(...rows.map((row) => row.prompt.length)) + maxNewTokens;
  const most = model.config.maxPositionEmbeddings;
  if (longest > most) {
    fail(`The longest prompt and maxNewTokens make ${longest} tokens; the model has positions for ${most}.`, {
      hint: "Shorten the prompt or lower maxNewTokens.",
    });
  }
}

function nextToken(row: Row, logits: Float32Array, options: ResolvedGenerateOptions): number {
  penalizeRepetition(logits, row.seen, options.repetitionPenalty);
  if (row.tokens.length < options.minNewTokens) {
    for (const token of options.eosTokenIds) logits[token] = Number.NEGATIVE_INFINITY;
  }
  const token = chooseToken(logits, options, row.random);
  row.tokens.push(token);
  row.seen.add(token);
  row.finished = options.eosTokenIds.includes(token) || row.tokens.length >= options.maxNewTokens;
  return token;
}

/** Feeds the prompts once, then one token a row, with finished rows left out. */
function cachedStepper(model: CausalLM, rows: readonly Row[], maxNewTokens: number): Stepper {
  const capacity = Math.max(...rows.map((row) => row.prompt.length)) + maxNewTokens;
  const cache = model.createCache(rows.length, capacity);
  return {
    next(current) {
      const fresh = current.map((row) =>
        row.finished ? [] : row.tokens.length === 0 ? row.prompt : row.tokens.slice(-1),
      );
      const starts = current.map((row, i) => row.prompt.length + row.tokens.length - (fresh[i]?.length ?? 0));
      const batch = pack(fresh, starts);
      return model.step(batch.inputIds, batch, cache);
    },
    dispose: () => cache.dispose(),
  };
}

/** Computes every position anew at each token. */
function fullStepper(model: CausalLM): Stepper {
  return {
    next(current) {
      const open = current.filter((row) => !row.finished);
      return model.lastLogits(pack(open.map((row) => [...row.prompt, ...row.tokens])));
    },
    dispose: () => undefined,
  };
}
