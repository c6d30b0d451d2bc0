/**
 * Text generation. Prompts of a batch are never padded inside the model: each row is its own packed sequence with its
 * own place in the cache, so a batch answers exactly what its rows answer one by one.
 */
import { fail } from "../errors.js";
import type { CausalLM } from "../models/causalLm.js";
import {
  type GenerateOptions,
  type GenerationDefaults,
  type ResolvedGenerateOptions,
  resolveGenerateOptions,
} from "./options.js";
import { type Row, tokenSource } from "./tokenSource.js";

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
  const source = tokenSource(model, rows, resolved);
  try {
    while (rows.some((row) => !row.finished)) {
      const open = rows.filter((row) => !row.finished);
      const tokens = await source.next();
      open.forEach((row, i) => {
        const token = tokens[i] as number;
        take(row, token, resolved);
        options.streamer?.put([token]);
      });
    }
  } finally {
    source.dispose();
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
  return { prompt, tokens: [], seen: new Set(prompt), seed, finished: false };
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

function take(row: Row, token: number, options: ResolvedGenerateOptions): void {
  row.tokens.push(token);
  row.seen.add(token);
  row.finished = options.eosTokenIds.includes(token) || row.tokens.length >= options.maxNewTokens;
}
