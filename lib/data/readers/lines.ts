/** Text files line by line and as a whole, gunzipped when their name ends in .gz. */
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { createGunzip, gunzip } from "node:zlib";
import { fail } from "../../errors.js";

/** The whole text, without a byte-order mark. */
export async function readText(path: string): Promise<string> {
  const bytes = await guard(path, () => readFile(path));
  const content = path.endsWith(".gz") ? await guard(path, () => promisify(gunzip)(bytes)) : bytes;
  return new TextDecoder().decode(content);
}

/** The lines without their ends. Only line feeds end one: U+2028, which node:readline cuts at, may stand in JSON. */
export async function* linesOf(path: string): AsyncGenerator<string> {
  const file = createReadStream(path);
  const stream = path.endsWith(".gz") ? file.pipe(createGunzip()) : file;
  // pipe() does not pass errors on.
  file.on("error", (error) => stream.destroy(error));
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const chunk of stream) {
      const parts = (rest + decoder.decode(chunk as Buffer, { stream: true })).split("\n");
      rest = parts.pop()!;
      for (const line of parts) yield line.endsWith("\r") ? line.slice(0, -1) : line;
    }
  } catch (cause) {
    unreadable(path, cause);
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}

async function guard<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    return unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): never {
  return fail(`Cannot read ${path}: ${(cause as Error).message}.`, { cause });
}
