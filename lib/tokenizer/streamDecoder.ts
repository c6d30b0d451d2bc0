/** Turns tokens into text one at a time, holding back the bytes of a character until the rest of it has come. */
import { checkOptions } from "../errors.js";
import type { DecodeOptions, TokenizerLike } from "./tokenizer.js";

const INCOMPLETE = "\ufffd";
/** Four bytes make the longest character, so what is still incomplete after more tokens than that stays so. */
const MAX_HELD_TOKENS = 8;

/** The texts returned by `push` and `flush` together are `tokenizer.decode` of all tokens. */
export class StreamDecoder {
  readonly #tokenizer: Pick<TokenizerLike, "decode">;
  readonly #options: DecodeOptions;
  /** Tokens of the last text given out (a decoder may treat a first token differently), then those held back. */
  #tokens: number[] = [];
  #given = 0;

  constructor(tokenizer: Pick<TokenizerLike, "decode">, options: DecodeOptions = {}) {
    checkOptions("StreamDecoder", options, ["skipSpecialTokens"]);
    this.#tokenizer = tokenizer;
    this.#options = options;
  }

  /** The text that is complete with this token; often "", when a character goes on in the next one. */
  push(token: number): string {
    this.#tokens.push(token);
    const held = this.#tokens.length - this.#given;
    const text = this.#newText();
    if (text.endsWith(INCOMPLETE) && held < MAX_HELD_TOKENS) return "";
    this.#advance();
    return text;
  }

  /** What was held back, at the end of the text. */
  flush(): string {
    const text = this.#newText();
    this.#advance();
    return text;
  }

  #newText(): string {
    const before = this.#tokenizer.decode(this.#tokens.slice(0, this.#given), this.#options);
    return this.#tokenizer.decode(this.#tokens, this.#options).slice(before.length);
  }

  #advance(): void {
    this.#tokens = this.#tokens.slice(this.#given);
    this.#given = this.#tokens.length;
  }
}
