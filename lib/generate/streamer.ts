/** Shows a text while it is generated. */

import { checkOptions, fail, shown } from "../errors.js";
import { StreamDecoder } from "../tokenizer/streamDecoder.js";
import type { TokenizerLike } from "../tokenizer/tokenizer.js";

/** What generate hands its tokens to. */
export interface Streamer {
  /** First the prompt, then each new token. */
  put(tokens: readonly number[]): void;
  end(): void;
}

export interface TextStreamerOptions {
  /** Leave out the prompt. Default false. */
  skipPrompt?: boolean;
  /** Leave out tokens such as EOS. Default false. */
  skipSpecialTokens?: boolean;
  /** Where the text goes. Default: standard output. */
  write?: (text: string) => void;
}

/** Writes each word as soon as its tokens are complete; never splits a character. */
export class TextStreamer implements Streamer {
  readonly #decoder: StreamDecoder;
  readonly #write: (text: string) => void;
  #skipNext: boolean;

  constructor(tokenizer: TokenizerLike, options: TextStreamerOptions = {}) {
    checkOptions("TextStreamer", options, ["skipPrompt", "skipSpecialTokens", "write"]);
    if (typeof tokenizer?.decode !== "function") fail(`TextStreamer needs a tokenizer, got ${shown(tokenizer)}.`);
    this.#decoder = new StreamDecoder(tokenizer, { skipSpecialTokens: options.skipSpecialTokens ?? false });
    this.#write = options.write ?? ((text) => void process.stdout.write(text));
    this.#skipNext = options.skipPrompt ?? false;
  }

  put(tokens: readonly number[]): void {
    if (this.#skipNext) {
      this.#skipNext = false;
      return;
    }
    const text = tokens.map((token) => this.#decoder.push(token)).join("");
    if (text !== "") this.#write(text);
  }

  end(): void {
    this.#write(`${this.#decoder.flush()}\n`);
  }
}
