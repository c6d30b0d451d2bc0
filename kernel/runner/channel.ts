/** The runner's end of the wires to the supervisor: synchronous writes, so that a crash loses nothing already shown. */
import { readSync, writeSync } from "node:fs";
import { MAX_FRAME_BYTES, messageFrame, type StreamName, textHeader } from "./frames.js";
import type { CellId, RunnerMessage } from "./messages.js";
import { FD } from "./messages.js";

const NONCE = process.env.TUNELAB_RUNNER_NONCE ?? "";
delete process.env.TUNELAB_RUNNER_NONCE;

const MAX_TEXT = MAX_FRAME_BYTES - 96;
const sleeper = new Int32Array(new SharedArrayBuffer(4));
/** Reused for every frame: a flood of lines must not become a flood of garbage. */
const frame = Buffer.alloc(MAX_FRAME_BYTES);
let sequence = 0;

export function sendText(cell: CellId, stream: StreamName, data: string | Uint8Array): void {
  if (typeof data === "string") {
    const length = Buffer.byteLength(data);
    if (length > MAX_TEXT) sendText(cell, stream, Buffer.from(data));
    else if (length > 0) writeAll(1, frame, frame.write(textHeader(NONCE, stream, cell, length) + data));
    return;
  }
  for (let start = 0; start < data.length; start += MAX_TEXT) {
    const part = data.subarray(start, start + MAX_TEXT);
    const headerLength = frame.write(textHeader(NONCE, stream, cell, part.length));
    frame.set(part, headerLength);
    writeAll(1, frame, headerLength + part.length);
  }
}

export function sendMessage(message: RunnerMessage): void {
  const payload = Buffer.from(JSON.stringify(message));
  const header = Buffer.from(`${++sequence},${payload.length}\n`);
  writeAll(FD.messages, Buffer.concat([header, payload]));
  writeAll(1, Buffer.from(messageFrame(NONCE, sequence), "latin1"));
}

/** Blocks until the supervisor has answered with one line. */
export function readInputLine(): string {
  const byte = Buffer.alloc(1);
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
    if (count === 0 || byte[0] === 10) return Buffer.from(bytes).toString("utf8");
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
