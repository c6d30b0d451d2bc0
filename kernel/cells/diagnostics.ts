/** Diagnostics as a person reads them: the cell, the line, the line's text and a caret under the fault. */
import type { TslabDiagnostic } from "./tslab.js";

export interface CellDiagnostic {
  /** One-based; undefined for a fault in another file. */
  line: number;
  column: number;
  length: number;
  code: number;
  message: string;
  /** The other file, relative to the notebook's directory. */
  file: string | undefined;
}

const RED = "\u001b[31m";
const DIM = "\u001b[2m";
const RESET = "\u001b[0m";

export function toCellDiagnostic(diagnostic: TslabDiagnostic): CellDiagnostic {
  return {
    line: diagnostic.start.line + 1,
    column: diagnostic.start.character + 1,
    length: Math.max(1, diagnostic.end.offset - diagnostic.start.offset),
    code: diagnostic.code,
    message: diagnostic.messageText,
    file: diagnostic.fileName,
  };
}

/** Text for a traceback, one entry a diagnostic. */
export function renderDiagnostic(diagnostic: CellDiagnostic, source: string, cell: string): string {
  const where = diagnostic.file ?? cell;
  const title = `${RED}${where}, line ${diagnostic.line}: TS${diagnostic.code}${RESET} ${diagnostic.message}`;
  const text = diagnostic.file === undefined ? source.split("\n")[diagnostic.line - 1] : undefined;
  if (text === undefined) return title;
  const number = String(diagnostic.line);
  const start = diagnostic.column - 1;
  const lead = onScreen(text.slice(0, start)).replace(/[^\t]/g, " ");
  const marked = onScreen(text.slice(start, start + diagnostic.length));
  return [
    title,
    `${DIM}${number} |${RESET} ${text}`,
    `${DIM}${" ".repeat(number.length)} |${RESET} ${lead}${RED}${"^".repeat(Math.max(1, marked.length))}${RESET}`,
  ].join("\n");
}

/** As many characters as the text takes columns in a terminal. */
function onScreen(text: string): string {
  return text
    .replace(/\r$/, "")
    .replace(/\p{Mn}/gu, "")
    .replace(WIDE, "__")
    .replace(/[^\t]/gu, "_");
}

const WIDE = /[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/gu;
