/** A code cell as a syntax tree, without the magics that only a notebook understands. */
import ts from "typescript";
import { toScriptText } from "./magics.js";

export interface CodeCell {
  source: string;
  file: ts.SourceFile;
  /** The cell is expected to fail: its error is printed and the script goes on. */
  mayFail: boolean;
  /** The cell prints how long it took. */
  timed: boolean;
}

/**
 * Parses a cell. A line that starts with % or ! and is no TypeScript becomes a comment; undefined when the rest is no
 * TypeScript either.
 */
export function parseCell(source: string, tags: readonly string[] = []): CodeCell | undefined {
  const mayFail = tags.includes("raises-exception");
  const { text: adapted, timed } = toScriptText(source);
  for (const text of [adapted, withoutMagics(source)]) {
    const file = ts.createSourceFile("cell.ts", text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
    if (isWellFormed(text)) return { source: text, file, mayFail, timed };
  }
  return undefined;
}

function isWellFormed(source: string): boolean {
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.Latest };
  // An empty export makes the text a module, in which `await` is an expression.
  const { diagnostics = [] } = ts.transpileModule(`${source}\nexport {};`, {
    compilerOptions,
    reportDiagnostics: true,
  });
  return diagnostics.length === 0;
}

function withoutMagics(source: string): string {
  if (source.trimStart().startsWith("%%")) return asComment(source);
  return source.replaceAll(/^[ \t]*[%!].*$/gm, (line) => `// ${line.trim()}`);
}

/** Text as line comments. */
export function asComment(text: string): string {
  return text
    .trim()
    .split("\n")
    .map((line) => `// ${line}`.trimEnd())
    .join("\n");
}
