/** Completion in the lines of a cell that begin with %. */
import type { Completion } from "../cells/compiler.js";
import { CELL_MAGICS, CHECK_LEVELS } from "./names.js";

/** What can stand at the position; undefined when it is in no magic line. */
export function completeMagic(source: string, position: number): Completion | undefined {
  const lineStart = source.lastIndexOf("\n", position - 1) + 1;
  const typed = source.slice(lineStart, position);
  // Only blank lines and other magics stand before a magic.
  if (!typed.startsWith("%") || /^(?!\s*(%|$))/m.test(source.slice(0, lineStart).replace(/\n$/, ""))) return undefined;
  const [, before = "", word = ""] = /^(.*?)(\S*)$/s.exec(typed) ?? [];
  const names = before === "" ? [...CELL_MAGICS.map((name) => `%%${name}`), "%check"] : argumentsOf(before.trim());
  const end = position + (/^\S*/.exec(source.slice(position))?.[0].length ?? 0);
  const items = names.filter((name) => name.startsWith(word)).map((name) => ({ name, kind: "magic" }));
  return { start: lineStart + before.length, end, items };
}

function argumentsOf(magic: string): readonly string[] {
  if (magic === "%%check" || magic === "%check") return CHECK_LEVELS;
  if (magic === "%%html") return ["--isolated"];
  return /^%%(ba)?sh\b/.test(magic) ? ["--no-raise-error"] : [];
}
