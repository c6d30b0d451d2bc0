/**
 * TypeScript's declarations of the language in one file. As they come they are 70, most of which add to interfaces of
 * others, and every new type checker, one a cell, would put those together again; in one file they are put together once.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path/posix";

/** What the file is called, as an entry of the compiler option `lib`. */
export const STANDARD_LIBRARY = "lib.tunelab.d.ts";

const REFERENCE = /^\/\/\/ <reference lib="([^"]+)" \/>$/gm;

/** Texts by path in `folder`: of the file, and empty ones in the place of those that went into it. */
export function standardLibrary(folder: string, names: readonly string[]): Map<string, string> {
  const texts = new Map<string, string>();
  const parts: string[] = [];
  const add = (name: string) => {
    const path = join(folder, name);
    if (texts.has(path)) return;
    texts.set(path, "");
    const text = readFileSync(path, "utf8").replace(REFERENCE, (line: string, reference: string) => {
      const referred = `lib.${reference}.d.ts`;
      if (!existsSync(join(folder, referred))) return line;
      add(referred);
      return "";
    });
    parts.push(text);
  };
  for (const name of names) add(name);
  texts.set(join(folder, STANDARD_LIBRARY), parts.join("\n"));
  return texts;
}
