/** The runner's end of the wires to the supervisor: synchronous writes, so that a crash loses nothing already shown. */
import { readSync, writeSync } from "node:fs";
import { takeNonce } from "./environment.js";
import { unbroken } from "./force.js";
import { MAX_FRAME_BYTES, messageFrame, messageHeader, type StreamName, textHeader, textKind } from "./frames.js";
import type { CellId, RunnerMessage } from "./messages.js";
import { FD } from "./messages.js";

const NONCE = takeNonce();
/** False in a script that was exported from a notebook: its text is for a terminal, and nobody hears its messages. */
const SUPERVISED = NONCE !== "";

/** As they were before a cell could replace them. */
const { stringify } = JSON;
const { from, concat, alloc, byteLength } = Buffer;

/** Longer texts go where messages go: nobody else writes there, so that they need not be cut so small. */
const MAX_TEXT = MAX_FRAME_BYTES - 96;
/** What a pipe holds, about. */
const LONG_FRAME_BYTES = 65_536;
const MAX_LONG_TEXT = LONG_FRAME_BYTES - 96;
/** The supervisor reads a message as one string, for which V8 has a limit. */
const MAX_MESSAGE = 512e6;
const sleeper = new Int32Array(new SharedArrayBuffer(4));
/** Reused for every frame: a flood of lines must not become a flood of garbage. */
const frame = alloc(MAX_FRAME_BYTES);
let longFrame: Buffer | undefined;
let sequence = 0;

export function sendText(cell: CellId, stream: StreamName, data: string | Uint8Array): void {
  if (!SUPERVISED) {
    process[stream].write(data);
    return;
  }
  const length = typeof data === "string" ? byteLength(data) : data.length;
  if (length === 0) return;
  if (length > MAX_TEXT) {
    sendLongText(cell, stream, typeof data === "string" ? from(data) : data);
    return;
  }
  const header = textHeader(NONCE, stream, cell, length);
  unbroken(() => {
    if (typeof data === "string") {
      writeAll(1, frame, frame.write(header + data));
    } else {
      const headerLength = frame.write(header);
      frame.set(data, headerLength);
      writeAll(1, frame, headerLength + length);
    }
  });
}

function sendLongText(cell: CellId, stream: StreamName, bytes: Uint8Array): void {
  longFrame ??= alloc(LONG_FRAME_BYTES);
  const frame = longFrame;
  for (let start = 0; start < bytes.length; start += MAX_LONG_TEXT) {
    const part = bytes.subarray(start, start + MAX_LONG_TEXT);
    unbroken(() => {
      const headerLength = frame.write(messageHeader(++sequence, part.length, textKind(stream, cell)));
      frame.set(part, headerLength);
      writeAll(FD.messages, frame, headerLength + part.length);
      markPlace();
    });
  }
}

/** `sent` happens with the sending: an interrupt comes before both or after both. */
export function sendMessage(message: RunnerMessage, sent: () => void = () => {}): void {
  if (!SUPERVISED) return;
  const payload = from(stringify(message));
  if (payload.length > MAX_MESSAGE) {
    throw new RangeError(
      `What is shown takes ${Math.round(payload.length / 1e6)} MB as JSON, and a message holds ${MAX_MESSAGE / 1e6} MB. Show less of it, or write it to a file.`,
    );
  }
  unbroken(() => {
    const header = from(messageHeader(++sequence, payload.length));
    writeAll(FD.messages, concat([header, payload]));
    markPlace();
    sent();
  });
}

/** Where the message that was sent last belongs among the text. */
function markPlace(): void {
  writeAll(1, frame, frame.write(messageFrame(NONCE, sequence), "latin1"));
}

/** Blocks until the supervisor has answered with one line. */
export function readInputLine(): string {
  const byte = alloc(1);
  const bytes: number[] = [];
  for (;;) {
    let count: number;
    try {
      count = readSync(FD.input, byte, 0, 1, null);
    } catch (error) {
      if (!isAgain(error)) throw error;
      Atomics.wait(sleeper, 0, 0, 5);
      continue;
    }
    if (count === 0 || byte[0] === 10) return from(bytes).toString("utf8");
    bytes.push(byte[0] ?? 0);
  }
}

/** A child process that inherited the descriptor may have made it non-blocking. */
function writeAll(fd: number, bytes: Uint8Array, length = bytes.length): void {
  for (let offset = 0; offset < length; ) {
    try {
      offset += writeSync(fd, bytes, offset, length - offset);
    } catch (error) {
      if (!isAgain(error)) throw error;
      Atomics.wait(sleeper, 0, 0, 1);
    }
  }
}

function isAgain(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "EAGAIN";
}
