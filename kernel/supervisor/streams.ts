/** Gathers text into few stream messages: a flood of writes must not become a flood of messages. */
import type { ParentHeader } from "../protocol/messages.js";
import type { StreamName } from "../runner/frames.js";

/** What a client does for a message takes as long as what it does for a quarter of this. */
const MAX_CHARACTERS = 262_144;
/** Strings of more than twice this are large objects to V8, which are slow to make. */
const PIECE_CHARACTERS = 65_536;
const MAX_DELAY_MS = 50;

interface Batch {
  parent: ParentHeader;
  name: StreamName;
  pieces: string[];
}

export class StreamBatcher {
  readonly #publish: (parent: ParentHeader, name: StreamName, pieces: readonly string[]) => void;
  #batches: Batch[] = [];
  #characters = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(publish: (parent: ParentHeader, name: StreamName, pieces: readonly string[]) => void) {
    this.#publish = publish;
  }

  add(parent: ParentHeader, name: StreamName, text: string): void {
    const latest = this.#batches.at(-1);
    if (latest !== undefined && latest.parent === parent && latest.name === name) append(latest.pieces, text);
    else this.#batches.push({ parent, name, pieces: [text] });
    this.#characters += text.length;
    if (this.#characters >= MAX_CHARACTERS) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), MAX_DELAY_MS);
  }

  /** Publishes what is held back; called before anything else that must come after it. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batches = this.#batches;
    this.#batches = [];
    this.#characters = 0;
    for (const { parent, name, pieces } of batches) this.#publish(parent, name, pieces);
  }
}

function append(pieces: string[], text: string): void {
  const last = pieces.length - 1;
  const piece = pieces[last] as string;
  if (piece.length + text.length <= PIECE_CHARACTERS) pieces[last] = piece + text;
  else pieces.push(text);
}
