/** A script's questions: asked on the terminal, answered by a line of standard input, for which the script waits. */
import { readSync } from "node:fs";
import { isatty } from "node:tty";

const STDIN = 0;
const END_OF_TEXT = 3;
const BACKSPACE = 8;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const DELETE = 127;

const byte = Buffer.alloc(1);
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** The next line of standard input, empty when that has ended. */
export function ask(message: string, hidden: boolean): string {
  if (!hidden || !isatty(STDIN)) {
    process.stdout.write(message);
    return readLine();
  }
  process.stdin.setRawMode(true);
  try {
    process.stdout.write(message);
    return readLine();
  } finally {
    process.stdin.setRawMode(false);
    process.stdout.write("\n");
  }
}

/** In raw mode a terminal leaves to the reader what keys do. */
function readLine(): string {
  const bytes: number[] = [];
  for (;;) {
    const read = readByte();
    if (read === undefined || read === LINE_FEED) break;
    if (read === CARRIAGE_RETURN) {
      if (isatty(STDIN)) break;
    } else if (read === DELETE || read === BACKSPACE) {
      removeLast(bytes);
    } else if (read === END_OF_TEXT) {
      process.stdin.setRawMode?.(false);
      process.exit(130);
    } else {
      bytes.push(read);
    }
  }
  return Buffer.from(bytes).toString("utf8");
}

function readByte(): number | undefined {
  for (;;) {
    try {
      return readSync(STDIN, byte, 0, 1, null) === 0 ? undefined : byte[0];
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EOF") return undefined;
      if (code !== "EAGAIN") throw error;
      Atomics.wait(sleeper, 0, 0, 20);
    }
  }
}

/** A character may have several bytes, of which all but the first begin with the bits 10. */
function removeLast(bytes: number[]): void {
  let last: number | undefined;
  do last = bytes.pop();
  while (last !== undefined && (last & 0xc0) === 0x80);
}
