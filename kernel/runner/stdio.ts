/** process.stdout and process.stderr of cells: each write goes at once, in order, to the cell that it belongs to. */
import { Console } from "node:console";
import { Writable } from "node:stream";
import { sendText } from "./channel.js";
import type { StreamName } from "./frames.js";
import { currentCell } from "./running.js";

export function replaceStandardStreams(): void {
  for (const name of ["stdout", "stderr"] as const) {
    Object.defineProperty(process, name, { value: new CellStream(name), configurable: true, enumerable: true });
  }
  replaceConsole();
}

/**
 * As long as an inspector is connected, which the control thread's always is, Node's global console hands every call to
 * it as well: that takes longer than the line itself, and the last thousand values that were printed stay alive in it.
 */
function replaceConsole(): void {
  // Our streams do not fail, so that no line needs an error handler and a callback.
  const plain = new Console({ stdout: process.stdout, stderr: process.stderr, ignoreErrors: false });
  for (const [name, method] of Object.entries(plain)) {
    if (typeof method === "function") Object.defineProperty(console, name, { value: method });
  }
}

class CellStream extends Writable {
  readonly fd: number;
  readonly isTTY = false;
  readonly columns = 100;
  readonly #name: StreamName;

  constructor(name: StreamName) {
    super({ decodeStrings: false });
    this.#name = name;
    this.fd = name === "stdout" ? 1 : 2;
  }

  /** Bypasses the buffer of Writable: output must not be held back while a cell computes. */
  override write(chunk: unknown, encoding?: unknown, callback?: unknown): boolean {
    const done = typeof encoding === "function" ? encoding : callback;
    const data =
      typeof chunk === "string"
        ? typeof encoding === "string" && encoding !== "utf8" && encoding !== "utf-8"
          ? Buffer.from(chunk, encoding as BufferEncoding)
          : chunk
        : chunk instanceof Uint8Array
          ? chunk
          : String(chunk);
    sendText(currentCell()?.id ?? 0, this.#name, data);
    if (typeof done === "function") process.nextTick(done);
    return true;
  }

  override _write(chunk: unknown, encoding: BufferEncoding, callback: () => void): void {
    this.write(chunk, encoding);
    callback();
  }
}
