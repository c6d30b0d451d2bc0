/** Lines that other kernels would take for magics or commands, found where the compiler found a fault. */

import { fail } from "../../lib/errors.js";
import type { CellDiagnostic } from "../cells/diagnostics.js";
import { CELL_MAGICS } from "./names.js";
import { unknownMagic } from "./read.js";

/** Codes below this are faults of syntax. */
const FIRST_SEMANTIC_CODE = 2000;
const CANNOT_FIND_NAME = 2304;

/** Throws the error that says so when a faulty line is a magic in the wrong place or a shell command. */
export function checkStrayMagics(source: string, diagnostics: readonly CellDiagnostic[]): void {
  const lines = source.split("\n");
  for (const { line, code, file } of diagnostics) {
    if (file !== undefined || (code >= FIRST_SEMANTIC_CODE && code !== CANNOT_FIND_NAME)) continue;
    const text = (lines[line - 1] ?? "").trim();
    if (/^!\s*[\w./~]/.test(text)) {
      fail(`"${text}" looks like a shell command.`, { hint: "Put it in a cell that begins with %%sh." });
    }
    const [, magic, name = ""] = /^(%+\s*(\w+))/.exec(text) ?? [];
    if (magic === undefined) continue;
    if (magic.startsWith("%%") && (CELL_MAGICS as readonly string[]).includes(name)) {
      fail(`%%${name} stands in line ${line}.`, { hint: "Put it in the first line of the cell." });
    }
    unknownMagic(magic);
  }
}
