/** Faults of syntax in a cell's text taken by itself, without what the converter puts around it. */
import type { TslabDiagnostic } from "./tslab.js";
import type { TypeScript } from "./typescript.js";
import { ts } from "./typescript.js";

const UNTERMINATED_TEMPLATE = 1160;

/** What the parser found wrong with a file. */
export function faultsOf(file: TypeScript.SourceFile): readonly TypeScript.DiagnosticWithLocation[] {
  return (file as typeof file & { parseDiagnostics: readonly TypeScript.DiagnosticWithLocation[] }).parseDiagnostics;
}

/** The faults of a cell; what is missing at its end is missing where its last line ends. */
export function faultsIn(text: string): TslabDiagnostic[] {
  const file = ts.createSourceFile("cell.ts", text, ts.ScriptTarget.Latest, false, ts.ScriptKind.TS);
  const last = text.trimEnd().length;
  const placeOf = (offset: number) => ({ offset, ...file.getLineAndCharacterOfPosition(offset) });
  return faultsOf(file).map(({ start, length, code, messageText }) => ({
    start: placeOf(Math.min(start, last)),
    end: placeOf(Math.min(start + length, last)),
    messageText: ts.flattenDiagnosticMessageText(messageText, "\n"),
    code,
  }));
}

/** Whether a template that the cell has begun goes on in its next line. */
export function isTemplateOpen(faults: readonly TslabDiagnostic[]): boolean {
  return faults.some(({ code }) => code === UNTERMINATED_TEMPLATE);
}
