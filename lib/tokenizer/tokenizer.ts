/** Text to token ids and back, from a Hugging Face folder (tokenizer.json, tokenizer_config.json). */

import { join } from "node:path";
import { inspect } from "node:util";
import { Template } from "@huggingface/jinja";
import { checkOptions, fail, shown } from "../errors.js";
import { writeFileAtomically } from "../formats/atomicWrite.js";
import { Callable } from "./callable.js";
import { TokenizerEngine } from "./engine.js";
import { readTokenizerFiles, type TokenizerFiles, tokenText } from "./files.js";

export interface EncodeOptions {
  /** Put the tokens around the text that the model expects there, e.g. BOS. Defaults to true. */
  addSpecialTokens?: boolean;
}

export interface DecodeOptions {
  /** Leave out special tokens such as EOS. Defaults to false. */
  skipSpecialTokens?: boolean;
}

export interface CallOptions extends EncodeOptions {
  /**
   * Fill shorter rows with `padTokenId` on `paddingSide`: true or "longest" to the longest row, "maxLength" (also
   * "max_length") to `maxLength`, false not at all. Defaults to true.
   */
  padding?: boolean | "longest" | "maxLength" | "max_length";
  /** Cut rows longer than `maxLength`. Defaults to false. */
  truncation?: boolean;
  /** Tokens a row, for "maxLength" padding and for truncation. Defaults to `modelMaxLength`. */
  maxLength?: number;
}

const PADDINGS: readonly unknown[] = [true, false, "longest", "maxLength", "max_length"];

/** Options of transformers that people know and tunelab does differently: what to do instead. */
export const ELSEWHERE = {
  returnTensors: "Leave it out: rows of ids are arrays, which model.generate takes.",
  returnAttentionMask: "Leave it out: attentionMask is always there.",
  returnTokenTypeIds: "Leave it out: the models know no token types.",
  returnLength: "Leave it out, and read inputIds[0].length.",
  returnOffsetsMapping: "Only ids are returned: leave it out.",
  paddingSide: 'Set it on the tokenizer: tokenizer.paddingSide = "right".',
  padToMultipleOf: "Leave it out: rows are never padded inside the model.",
  text: "Give the texts first: tokenizer(texts, options).",
} as const;

/** What a call of a tokenizer returns: rows of ids, and 1 for a token, 0 for padding. */
export interface Encoded {
  inputIds: number[][];
  attentionMask: number[][];
}

export interface ChatMessage {
  role: string;
  content: string;
  [field: string]: unknown;
}

export interface ChatTemplateOptions {
  /** End with what opens the assistant's answer. Defaults to false. */
  addGenerationPrompt?: boolean;
  /** Return ids instead of text. Defaults to false. */
  tokenize?: boolean;
  /** Further variables of the template, by its own names, e.g. `{ enable_thinking: false }`. */
  variables?: Readonly<Record<string, unknown>>;
}

/** A tokenizer: call it with a list of texts, or use its methods. */
export interface TokenizerLike {
  /** Encodes a list of texts (or one) to rows of equal length, padded on the left unless `paddingSide` says else. */
  (texts: string | readonly string[], options?: CallOptions): Encoded;
  /** The end-of-text token; throws when the tokenizer names none. */
  readonly eosToken: string;
  readonly eosTokenId: number;
  readonly bosToken: string | null;
  readonly bosTokenId: number | null;
  /** The token of padded places; the end-of-text token when the tokenizer names none. */
  readonly padToken: string;
  readonly padTokenId: number;
  /** One more than the largest token id, added tokens included. */
  readonly vocabSize: number;
  /** Longest input in tokens that the model was made for; Infinity when the tokenizer does not say. */
  readonly modelMaxLength: number;
  /** Where padding goes. "left" at first, so that generated tokens follow the prompt. */
  paddingSide: "left" | "right";
  readonly chatTemplate: string | null;
  encode(text: string, options?: EncodeOptions): number[];
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  batchDecode(rows: Iterable<ArrayLike<number>>, options?: DecodeOptions): string[];
  /** The id of a token, undefined when it is not in the vocabulary. */
  convertTokensToIds(token: string): number | undefined;
  /** The tokens of ids as the vocabulary writes them, undefined for an id outside it. */
  convertIdsToTokens(ids: ArrayLike<number>): (string | undefined)[];
  applyChatTemplate(messages: readonly ChatMessage[], options: ChatTemplateOptions & { tokenize: true }): number[];
  applyChatTemplate(messages: readonly ChatMessage[], options?: ChatTemplateOptions): string;
  /** Writes the tokenizer's files, byte for byte as they were read, into the folder `dir`. */
  savePretrained(dir: string): Promise<void>;
}

export class Tokenizer extends Callable<[string | readonly string[], CallOptions?], Encoded> {
  paddingSide: "left" | "right" = "left";
  readonly bosToken: string | null;
  readonly modelMaxLength: number;
  readonly #dir: string;
  readonly #files: TokenizerFiles;
  readonly #engine: TokenizerEngine;
  readonly #eosToken: string | null;
  readonly #padToken: string | null;
  readonly #prefix: readonly number[];
  readonly #suffix: readonly number[];

  private constructor(dir: string, files: TokenizerFiles) {
    super();
    const { config } = files;
    this.#dir = dir;
    this.#files = files;
    // Without a word in the configuration, text comes back as it was: byte-level tokens need no cleaning.
    this.#engine = makeEngine(dir, files, config.clean_up_tokenization_spaces === true);
    this.bosToken = this.#knownToken("bos_token");
    this.#eosToken = this.#knownToken("eos_token");
    this.#padToken = this.#knownToken("pad_token");
    const length = config.model_max_length;
    // Python writes int(1e30) for "not known".
    this.modelMaxLength = typeof length === "number" && length < 1e15 ? length : Number.POSITIVE_INFINITY;
    [this.#prefix, this.#suffix] = this.#specials();
  }

  /** Reads the tokenizer in a model's folder. */
  static async fromDirectory(dir: string): Promise<TokenizerLike> {
    return new Tokenizer(dir, await readTokenizerFiles(dir)) as unknown as TokenizerLike;
  }

  get eosToken(): string {
    return (
      this.#eosToken ??
      fail(`The tokenizer in ${this.#dir} names no eos_token, so a model could not learn where to stop.`, {
        hint: 'Name one of its tokens as "eos_token" in tokenizer_config.json.',
      })
    );
  }

  get eosTokenId(): number {
    return this.#engine.tokenToId(this.eosToken)!;
  }

  get bosTokenId(): number | null {
    return this.bosToken === null ? null : this.#engine.tokenToId(this.bosToken)!;
  }

  get padToken(): string {
    return this.#padToken ?? this.eosToken;
  }

  get padTokenId(): number {
    return this.#engine.tokenToId(this.padToken)!;
  }

  get vocabSize(): number {
    return this.#engine.vocabSize;
  }

  get chatTemplate(): string | null {
    return this.#files.chatTemplate;
  }

  override call(texts: string | readonly string[], options: CallOptions = {}): Encoded {
    checkOptions("tokenizer()", options, ["addSpecialTokens", "padding", "truncation", "maxLength"], ELSEWHERE);
    const { padding = true, truncation = false, maxLength = this.modelMaxLength, addSpecialTokens = true } = options;
    if (maxLength !== Number.POSITIVE_INFINITY && !(Number.isInteger(maxLength) && maxLength >= 1)) {
      fail(`maxLength is ${shown(maxLength)}, not an integer of at least 1.`);
    }
    if (!PADDINGS.includes(padding)) {
      fail(`padding is ${shown(padding)}.`, { hint: 'Use true, false, "longest" or "maxLength".' });
    }
    if (typeof truncation !== "boolean") fail(`truncation is ${shown(truncation)}, but it must be true or false.`);
    if (this.paddingSide !== "left" && this.paddingSide !== "right") {
      fail(`paddingSide is ${shown(this.paddingSide)}.`, { hint: 'Set it to "left" or "right".' });
    }
    const list = typeof texts === "string" ? [texts] : texts;
    if (!Array.isArray(list)) fail(`A tokenizer takes a text or a list of texts, got ${shown(texts)}.`);
    const rows = list.map((text) => this.#encode(text, addSpecialTokens, truncation ? maxLength : undefined));
    if (padding === false) return { inputIds: rows, attentionMask: rows.map((row) => row.map(() => 1)) };
    const longest = rows.reduce((most, row) => Math.max(most, row.length), 0);
    const length = padding === "maxLength" || padding === "max_length" ? maxLength : longest;
    if (!Number.isFinite(length)) {
      fail('padding "maxLength" needs a maxLength: the tokenizer does not say how long its model\'s inputs are.');
    }
    return {
      inputIds: rows.map((row) => this.#pad(row, length, () => this.padTokenId)),
      attentionMask: rows.map((row) => this.#pad(new Array<number>(row.length).fill(1), length, () => 0)),
    };
  }

  encode(text: string, options: EncodeOptions = {}): number[] {
    checkOptions("encode", options, ["addSpecialTokens"]);
    return this.#encode(text, options.addSpecialTokens ?? true);
  }

  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    checkOptions("decode", options, ["skipSpecialTokens"]);
    return this.#engine.decode(Array.from(ids), options.skipSpecialTokens ?? false);
  }

  batchDecode(rows: Iterable<ArrayLike<number>>, options: DecodeOptions = {}): string[] {
    return Array.from(rows, (row) => this.decode(row, options));
  }

  convertTokensToIds(token: string): number | undefined {
    return this.#engine.tokenToId(token);
  }

  convertIdsToTokens(ids: ArrayLike<number>): (string | undefined)[] {
    return Array.from(ids, (id) => this.#engine.idToToken(id));
  }

  applyChatTemplate(messages: readonly ChatMessage[], options: ChatTemplateOptions & { tokenize: true }): number[];
  applyChatTemplate(messages: readonly ChatMessage[], options?: ChatTemplateOptions): string;
  applyChatTemplate(messages: readonly ChatMessage[], options: ChatTemplateOptions = {}): string | number[] {
    checkOptions("applyChatTemplate", options, ["addGenerationPrompt", "tokenize", "variables"]);
    if (this.chatTemplate === null) {
      fail(`The tokenizer in ${this.#dir} has no chat template.`, { hint: "Write the prompt as text yourself." });
    }
    let text: string;
    try {
      text = new Template(this.chatTemplate).render({
        ...this.#templateTokens(),
        ...options.variables,
        messages,
        add_generation_prompt: options.addGenerationPrompt ?? false,
      });
    } catch (cause) {
      fail(`The chat template of ${this.#dir} cannot render these messages: ${(cause as Error).message}.`, { cause });
    }
    // The template itself spells out the special tokens.
    return options.tokenize ? this.#encode(text, false) : text;
  }

  async savePretrained(dir: string): Promise<void> {
    for (const [name, content] of this.#files.bytes) await writeFileAtomically(join(dir, name), content);
  }

  [inspect.custom](): string {
    return `Tokenizer(vocabSize: ${this.vocabSize}, eosToken: ${JSON.stringify(this.#eosToken)}, padToken: ${JSON.stringify(this.#padToken)})`;
  }

  #encode(text: string, addSpecialTokens: boolean, maxLength?: number): number[] {
    if (typeof text !== "string") fail(`A tokenizer takes text, got ${shown(text)}.`);
    const ids = this.#engine.encode(text);
    const prefix = addSpecialTokens ? this.#prefix : [];
    const suffix = addSpecialTokens ? this.#suffix : [];
    const room = maxLength === undefined ? ids.length : Math.max(0, maxLength - prefix.length - suffix.length);
    const kept = ids.length <= room ? ids : this.#truncate(ids, room);
    return prefix.length + suffix.length === 0 ? kept : [...prefix, ...kept, ...suffix];
  }

  #truncate(ids: number[], room: number): number[] {
    return this.#files.config.truncation_side === "left" ? ids.slice(ids.length - room) : ids.slice(0, room);
  }

  #pad(row: number[], length: number, value: () => number): number[] {
    if (row.length >= length) return row;
    const padding = new Array<number>(length - row.length).fill(value());
    return this.paddingSide === "left" ? [...padding, ...row] : [...row, ...padding];
  }

  /**
   * The ids around a text. Llama's tokenizer class lets add_bos_token and add_eos_token overrule the post-processor,
   * and DeepSeek's checkpoints use that class.
   */
  #specials(): [readonly number[], readonly number[]] {
    const { add_bos_token: bos, add_eos_token: eos, tokenizer_class: kind } = this.#files.config;
    const { prefix, suffix } = this.#engine.specials;
    if (!/^Llama/.test(String(kind)) || typeof bos !== "boolean") return [prefix, suffix];
    return [
      bos && this.bosTokenId !== null ? [this.bosTokenId] : [],
      eos === true && this.#eosToken !== null ? [this.eosTokenId] : [],
    ];
  }

  #templateTokens(): Record<string, string> {
    const tokens = { bos_token: this.bosToken, eos_token: this.#eosToken, pad_token: this.#padToken };
    return Object.fromEntries(Object.entries(tokens).filter((entry): entry is [string, string] => entry[1] !== null));
  }

  #knownToken(key: "bos_token" | "eos_token" | "pad_token"): string | null {
    const token = tokenText(this.#files.config[key]);
    if (token !== null && this.#engine.tokenToId(token) === undefined) {
      fail(`The ${key} ${JSON.stringify(token)} of ${this.#dir} is not in its vocabulary.`, {
        hint: "Correct tokenizer_config.json, or download the tokenizer again.",
      });
    }
    return token;
  }
}

function makeEngine(dir: string, files: TokenizerFiles, cleanUp: boolean): TokenizerEngine {
  try {
    return new TokenizerEngine(files.json, files.config, cleanUp);
  } catch (cause) {
    return fail(`The tokenizer.json in ${dir} cannot be used: ${(cause as Error).message}.`, { cause });
  }
}
