/**
 * The typed border to @huggingface/tokenizers, whose own declarations do not resolve in an ES module, and a faster
 * way through it: text is cut where the pre-tokeniser cuts anyway, and each piece is encoded once.
 */
import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";

/** What is used of @huggingface/tokenizers 0.2.0. */
interface Library {
  readonly pre_tokenizer: ((text: string) => string[]) | null;
  readonly normalizer: object | null;
  readonly post_processor: ((tokens: string[], pair: null, addSpecial: boolean) => { tokens: string[] }) | null;
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
  decode(ids: number[], options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean }): string;
  token_to_id(token: string): number | undefined;
  id_to_token(id: number): string | undefined;
  get_vocab(): Map<string, number>;
  get_added_tokens_decoder(): Map<number, AddedToken>;
}

interface AddedToken {
  readonly content: string;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
}

const LibraryConstructor = HuggingFaceTokenizer as unknown as new (json: object, config: object) => Library;

/** A cut between a word's end and " word": most of a text has one every few characters. */
const CUT = /(?<=\S)(?= \p{L})/u;
/** Pieces kept with their ids; a piece longer than this is not kept. */
const MAX_CACHED_PIECES = 100_000;
const MAX_CACHED_LENGTH = 64;

export class TokenizerEngine {
  readonly #library: Library;
  readonly #cuttable: boolean;
  readonly #cleanUp: boolean;
  readonly #cache = new Map<string, number[]>();
  /** Ids that `addSpecialTokens` puts before and after a text. */
  readonly #prefix: readonly number[];
  readonly #suffix: readonly number[];
  /** One more than the largest id, added tokens included. */
  readonly vocabSize: number;

  constructor(json: object, config: Readonly<Record<string, unknown>>, cleanUp: boolean) {
    this.#library = new LibraryConstructor(json, config);
    this.#cleanUp = cleanUp;
    this.#cuttable = cutsAtWords(this.#library);
    [this.#prefix, this.#suffix] = this.#specials();
    this.vocabSize = [...this.#library.get_vocab().values()].reduce((most, id) => Math.max(most, id + 1), 0);
  }

  encode(text: string): number[] {
    const ids: number[] = [];
    for (const piece of this.#cuttable ? text.split(CUT) : [text]) {
      for (const id of this.#encodePiece(piece)) ids.push(id);
    }
    return ids;
  }

  /** The ids that the post-processor puts around a text. */
  get specials(): { prefix: readonly number[]; suffix: readonly number[] } {
    return { prefix: this.#prefix, suffix: this.#suffix };
  }

  /** Ids outside the vocabulary stand for no text, as in Python. */
  decode(ids: readonly number[], skipSpecialTokens: boolean): string {
    const known = Array.from(ids, Number).filter((id) => this.#library.id_to_token(id) !== undefined);
    if (known.length === 0) return "";
    const options = { skip_special_tokens: skipSpecialTokens, clean_up_tokenization_spaces: this.#cleanUp };
    return this.#library.decode(known, options);
  }

  tokenToId(token: string): number | undefined {
    return this.#library.token_to_id(token);
  }

  idToToken(id: number): string | undefined {
    return this.#library.id_to_token(id);
  }

  #encodePiece(piece: string): number[] {
    const cached = this.#cache.get(piece);
    if (cached) return cached;
    const { ids } = this.#library.encode(piece, { add_special_tokens: false });
    if (piece.length <= MAX_CACHED_LENGTH) {
      if (this.#cache.size >= MAX_CACHED_PIECES) this.#cache.clear();
      this.#cache.set(piece, ids);
    }
    return ids;
  }

  #specials(): [number[], number[]] {
    const marker = "\u0000text\u0000";
    const around = this.#library.post_processor?.([marker], null, true).tokens ?? [marker];
    const at = around.indexOf(marker);
    const ids = (tokens: string[]): number[] => tokens.map((token) => this.#library.token_to_id(token)!);
    return [ids(around.slice(0, at)), ids(around.slice(at + 1))];
  }
}

/**
 * Whether encoding the pieces one by one gives the ids of the whole text: no added token may reach over a cut, and the
 * pre-tokeniser itself must cut there, whatever letter, digit or sign stands before it.
 */
function cutsAtWords(library: Library): boolean {
  const preTokenize = library.pre_tokenizer;
  if (preTokenize === null) return false;
  for (const { content, lstrip, rstrip } of library.get_added_tokens_decoder().values()) {
    if (lstrip || rstrip || content.includes(" ")) return false;
  }
  const before = [
    "a",
    "Z",
    "é",
    "日",
    "7",
    "x9",
    ".",
    "?!",
    "(",
    "<",
    "_",
    "it's",
    "'",
    "\u0301",
    "😀",
    "\u200d",
    "-\n-",
  ];
  const after = [" a", " Word", " é", " 日本", " it's", " x1"];
  return before.every((left) =>
    after.every((right) => {
      const separate = [...preTokenize(left), ...preTokenize(right)];
      const together = preTokenize(left + right);
      return separate.length === together.length && separate.every((token, i) => token === together[i]);
    }),
  );
}
