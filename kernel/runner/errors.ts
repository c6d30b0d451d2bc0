/** Tracebacks in the notebook's own terms: "Cell [3], line 4" instead of generated code, without the kernel's frames. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import type { LineMap } from "../cells/lineMap.js";
import { sourceLineOf } from "../cells/lineMap.js";
import type { ErrorContent } from "../protocol/messages.js";

const KERNEL = dirname(dirname(fileURLToPath(import.meta.url)));
const cells = new Map<string, { label: string; lines: LineMap }>();

/** Tells how to read positions in the script called `filename`. */
export function registerCell(filename: string, label: string, lines: LineMap): void {
  cells.set(filename, { label, lines });
}

/** Makes error.stack speak of cells. */
export function installStackTraces(): void {
  Error.prepareStackTrace = (error, sites) => {
    let header: string;
    if (error instanceof TypeError && cells.has(sites[0]?.getFileName() ?? ""))
      error.message = asWritten(error.message);
    try {
      header = Error.prototype.toString.call(error);
    } catch {
      header = "Error";
    }
    const frames = sites.map(describeFrame).filter((frame) => frame !== undefined);
    return [header, ...frames.map((frame) => `    at ${frame}`)].join("\n");
  };
}

/** What V8 quotes of a cell's code, without what the kernel has put into it. */
function asWritten(message: string): string {
  return message.replace(/(?<![\w$.])exports\./g, "").replace(/__cell\.check\(\.\.\.\)/g, "(intermediate value)");
}

function describeFrame(site: NodeJS.CallSite): string | undefined {
  const filename = site.getFileName();
  const cell = filename ? cells.get(filename) : undefined;
  if (cell === undefined) {
    const isOurs = filename?.startsWith(KERNEL) || filename?.startsWith(`file://${KERNEL}`);
    return isOurs || filename?.startsWith("node:") ? undefined : site.toString();
  }
  const line = sourceLineOf(cell.lines, (site.getLineNumber() ?? 1) - 1, (site.getColumnNumber() ?? 1) - 1);
  const where = line === undefined ? cell.label : `${cell.label}, line ${line + 1}`;
  const name = site.getFunctionName();
  if (name === "__tunelabCell") return where;
  // Only functions that TypeScript has added, as for `using`, have no line.
  if (line === undefined && cell.lines.length > 0) return undefined;
  return name ? `${name} (${where})` : where;
}

/** A fault of syntax that only V8 found, with the cell's line instead of the script's text. */
export function inCell(error: unknown, filename: string): unknown {
  if (!(error instanceof SyntaxError)) return error;
  const [, place] = new RegExp(`^${filename}:(\\d+)`).exec(error.stack ?? "") ?? [];
  if (place === undefined || !cells.has(filename)) return error;
  error.stack = `${error.name}: ${error.message}\n    at ${placeOf(filename, Number(place) - 1)}`;
  return error;
}

/** A line (from 0) of a cell's script in the cell's own terms. */
function placeOf(filename: string, line: number): string {
  const { label, lines } = cells.get(filename) ?? { label: filename, lines: [] };
  const own = sourceLineOf(lines, line, 0);
  return own === undefined ? label : `${label}, line ${own + 1}`;
}

/** The stacks of errors that modules have thrown while they loaded; a module throws the same one each time. */
const loading = new WeakMap<Error, string>();

/** What a module threw while it was loaded, with the place of the cell's import below where it was thrown. */
export function importedAt(error: unknown, filename: string, line: number): unknown {
  return calledFrom(error, `    at ${placeOf(filename, line)}`);
}

/** What was thrown where no cell is on the stack, with the frames of the cell that set it off. */
export function calledFrom(error: unknown, frames: string): unknown {
  if (!(error instanceof Error)) return error;
  const stack = loading.get(error) ?? error.stack ?? "";
  loading.set(error, stack);
  error.stack = stack.includes(frames) ? stack : `${stack}\n${frames}`;
  return error;
}

/** An error message's fields for whatever a cell threw. */
export function describeError(thrown: unknown): ErrorContent {
  try {
    return describe(thrown);
  } catch {
    const evalue = "What was thrown cannot be shown: reading it throws as well.";
    return { ename: "Uncaught", evalue, traceback: [`Uncaught: ${evalue}`] };
  }
}

function describe(thrown: unknown): ErrorContent {
  if (!(thrown instanceof Error) && !isErrorLike(thrown)) {
    const shown = inspect(thrown);
    return { ename: "Uncaught", evalue: shown, traceback: [`Uncaught ${shown}`] };
  }
  // The stack is made when it is first read, and the message put right with it.
  const traceback = inspect(thrown).split("\n");
  return { ename: String(thrown.name), evalue: String(thrown.message), traceback };
}

function isErrorLike(value: unknown): value is Error {
  return typeof value === "object" && value !== null && "name" in value && "message" in value && "stack" in value;
}
