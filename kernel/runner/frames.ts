/**
 * How the runner's descriptor 1 carries three things in one order: text of a cell, the place of a message, and raw
 * bytes from native code and child processes. A frame is `mark kind fields newline payload`; what is in no frame is raw.
 */
import { StringDecoder } from "node:string_decoder";
import type { CellId } from "./messages.js";

export type StreamName = "stdout" | "stderr";

/** Text frames stay below this, which keeps one write from being split by another process's. */
export const MAX_FRAME_BYTES = 4096;

export function mark(nonce: string): string {
  return `\u0000\u001e${nonce}`;
}

export function textHeader(nonce: string, stream: StreamName, cell: CellId, length: number): string {
  return `${mark(nonce)}${textKind(stream, cell)},${length}\n`;
}

/** Whose text it is. */
export function textKind(stream: StreamName, cell: CellId): string {
  return `${stream === "stdout" ? "o" : "e"}${cell}`;
}

export function readTextKind(kind: string): { stream: StreamName; cell: CellId } {
  return { stream: kind.startsWith("o") ? "stdout" : "stderr", cell: Number(kind.slice(1)) };
}

/** On the descriptor of messages: what follows is `length` bytes of JSON, or of text when `kind` says whose. */
export function messageHeader(sequence: number, length: number, kind = ""): string {
  return `${sequence},${length},${kind}\n`;
}

export function messageFrame(nonce: string, sequence: number): string {
  return `${mark(nonce)}m${sequence}\n`;
}

export interface FrameSink {
  text(cell: CellId, stream: StreamName, text: string): void;
  raw(text: string): void;
  /** Called in order; false means that the message is not here yet: `resume` is to be called when it is. */
  message(sequence: number): boolean;
}

/** Splits what arrives on descriptor 1 into frames and raw text. */
export class FrameParser {
  readonly #mark: Buffer;
  readonly #sink: FrameSink;
  readonly #decoders = new Map<string, StringDecoder>();
  #rest: Buffer = Buffer.alloc(0);

  constructor(nonce: string, sink: FrameSink) {
    this.#mark = Buffer.from(mark(nonce), "latin1");
    this.#sink = sink;
  }

  /** False when it stopped at a message that has not come yet. */
  push(chunk: Buffer): boolean {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    return this.resume();
  }

  resume(): boolean {
    const buffer = this.#rest;
    let position = 0;
    while (position < buffer.length) {
      const at = buffer.indexOf(this.#mark, position);
      const rawEnd = at < 0 ? buffer.length - this.#partialMark(buffer, position) : at;
      if (rawEnd > position) this.#sink.raw(this.#decode("raw", buffer.subarray(position, rawEnd)));
      position = rawEnd;
      if (at < 0) break;
      const headerEnd = buffer.indexOf(10, at + this.#mark.length);
      if (headerEnd < 0) break;
      const header = buffer.toString("latin1", at + this.#mark.length, headerEnd);
      if (header.startsWith("m")) {
        if (!this.#sink.message(Number(header.slice(1)))) {
          this.#rest = buffer.subarray(position);
          return false;
        }
        position = headerEnd + 1;
        continue;
      }
      const kind = header.slice(0, header.indexOf(","));
      const run = gatherTexts(buffer, at, this.#mark.length + kind.length + 1);
      if (run === undefined) break;
      const { cell, stream } = readTextKind(kind);
      this.text(cell, stream, run.text);
      position = run.end;
    }
    this.#rest = buffer.subarray(position);
    return true;
  }

  /** Text of a cell, which may end within a character. */
  text(cell: CellId, stream: StreamName, bytes: Buffer): void {
    this.#sink.text(cell, stream, this.#decode(`${cell}${stream}`, bytes));
  }

  /** Ends a cell's text and what native code wrote meanwhile: a character that was begun will not be completed. */
  end(cell: CellId): void {
    for (const stream of ["stdout", "stderr"] as const) {
      const text = this.#decoders.get(`${cell}${stream}`)?.end() ?? "";
      this.#decoders.delete(`${cell}${stream}`);
      if (text !== "") this.#sink.text(cell, stream, text);
    }
    const raw = this.#decoders.get("raw")?.end() ?? "";
    if (raw !== "") this.#sink.raw(raw);
  }

  /** A character may be cut between two frames or reads of the same stream. */
  #decode(stream: string, bytes: Buffer): string {
    let decoder = this.#decoders.get(stream);
    if (decoder === undefined) {
      decoder = new StringDecoder("utf8");
      this.#decoders.set(stream, decoder);
    }
    return decoder.write(bytes);
  }

  /** How many bytes at the end may be the beginning of a mark. */
  #partialMark(buffer: Buffer, from: number): number {
    for (let length = Math.min(this.#mark.length - 1, buffer.length - from); length > 0; length--) {
      if (buffer.subarray(buffer.length - length).equals(this.#mark.subarray(0, length))) return length;
    }
    return 0;
  }
}

/**
 * Reads the text frame at `at`, and those that follow it and begin with the same bytes: decoding each alone would take
 * longer than all else that is done with a short line. Their texts are moved together within the buffer. Undefined when
 * the first frame is not whole.
 */
function gatherTexts(buffer: Buffer, at: number, prefixLength: number): { text: Buffer; end: number } | undefined {
  let [start, textEnd, end] = [-1, 0, at];
  for (;;) {
    let position = end + prefixLength;
    let length = 0;
    for (; position < buffer.length && buffer[position] !== 10; position++) {
      length = length * 10 + (buffer[position] as number) - 48;
    }
    position++;
    if (position + length > buffer.length) break;
    if (start < 0) {
      start = position;
      textEnd = position + length;
    } else {
      buffer.copyWithin(textEnd, position, position + length);
      textEnd += length;
    }
    end = position + length;
    if (!repeats(buffer, at, prefixLength, end)) break;
  }
  return start < 0 ? undefined : { text: buffer.subarray(start, textEnd), end };
}

/** Whether the bytes at `at` stand also at `other`. */
function repeats(buffer: Buffer, at: number, length: number, other: number): boolean {
  if (other + length > buffer.length) return false;
  for (let i = 0; i < length; i++) if (buffer[at + i] !== buffer[other + i]) return false;
  return true;
}
