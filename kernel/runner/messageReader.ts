/** Splits what arrives on the descriptor of messages: JSON, and texts that are too long for a frame among the others. */
import { readTextKind, type StreamName } from "./frames.js";
import type { CellId, RunnerMessage } from "./messages.js";

/** In the pieces in which it came: nothing is gained by joining them. */
export interface LongText {
  type: "text";
  cell: CellId;
  stream: StreamName;
  pieces: Buffer[];
}

/** The line of numbers before a message is shorter than this. */
const MAX_HEADER = 64;

export class MessageReader {
  readonly #received: (sequence: number, message: RunnerMessage | LongText) => void;
  /** What has come of the line before a message. */
  #header = "";
  /** What has come of the message itself, and how much has not; undefined before its line is whole. */
  #pieces: Buffer[] = [];
  #missing: number | undefined;

  constructor(received: (sequence: number, message: RunnerMessage | LongText) => void) {
    this.#received = received;
  }

  /** Throws a SyntaxError when something else arrives. */
  read(chunk: Buffer): void {
    for (let position = 0; position < chunk.length; ) {
      if (this.#missing === undefined) position = this.#readHeader(chunk, position);
      if (this.#missing === undefined) return;
      const piece = chunk.subarray(position, position + this.#missing);
      if (piece.length > 0) this.#pieces.push(piece);
      position += piece.length;
      this.#missing -= piece.length;
      if (this.#missing === 0) this.#end();
    }
  }

  #readHeader(chunk: Buffer, start: number): number {
    const newline = chunk.indexOf(10, start);
    const end = newline < 0 ? chunk.length : newline;
    if (this.#header.length + end - start > MAX_HEADER) throw new SyntaxError("no header");
    this.#header += chunk.toString("latin1", start, end);
    if (newline >= 0) {
      const length = Number(this.#header.split(",")[1]);
      if (!(length >= 0)) throw new SyntaxError("no length");
      this.#missing = length;
    }
    return end + 1;
  }

  #end(): void {
    const [sequence, , kind] = this.#header.split(",");
    const pieces = this.#pieces;
    this.#header = "";
    this.#pieces = [];
    this.#missing = undefined;
    const message = kind
      ? ({ type: "text", ...readTextKind(kind), pieces } as const)
      : parseMessage(Buffer.concat(pieces).toString("utf8"));
    this.#received(Number(sequence), message);
  }
}

function parseMessage(text: string): RunnerMessage {
  const message = JSON.parse(text) as Partial<RunnerMessage> | null;
  if (typeof message !== "object" || typeof message?.type !== "string") throw new SyntaxError("no message");
  return message as RunnerMessage;
}
