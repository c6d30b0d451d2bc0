/** Gathers text into few stream messages: a flood of small writes must not become a flood of messages. */
import type { ParentHeader } from "../protocol/messages.js";
import type { StreamName } from "../runner/frames.js";

const MAX_CHARACTERS = 65_536;
const MAX_DELAY_MS = 50;

interface Batch {
  parent: ParentHeader;
  name: StreamName;
  parts: string[];
}

export class StreamBatcher {
  readonly #publish: (parent: ParentHeader, name: StreamName, text: string) => void;
  #batches: Batch[] = [];
  #characters = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(publish: (parent: ParentHeader, name: StreamName, text: string) => void) {
    this.#publish = publish;
  }

  add(parent: ParentHeader, name: StreamName, text: string): void {
    const latest = this.#batches.at(-1);
    if (latest !== undefined && latest.parent === parent && latest.name === name) latest.parts.push(text);
    else this.#batches.push({ parent, name, parts: [text] });
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
    for (const { parent, name, parts } of batches) this.#publish(parent, name, parts.join(""));
  }
}
