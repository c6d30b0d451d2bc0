/** process.stdout and process.stderr of cells: each write goes at once, in order, to the cell that it belongs to. */
import { Writable } from "node:stream";
import { sendText } from "./channel.js";
import type { StreamName } from "./frames.js";
import { currentCell } from "./running.js";

export function replaceStandardStreams(): void {
  for (const name of ["stdout", "stderr"] as const) {
    Object.defineProperty(process, name, { value: new CellStream(name), configurable: true, enumerable: true });
  }
  // Our streams do not fail, so console need not attach an error handler and a callback to every line.
  (console as { _ignoreErrors?: boolean })._ignoreErrors = false;
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
