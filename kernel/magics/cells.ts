/**
 * A notebook's cells as the supervisor sees them: magics read first, what is TypeScript handed to the compiling thread,
 * everything else turned into a cell that the runner can run as well.
 */

import { fail, TunelabError } from "../../lib/errors.js";
import { CellsClient } from "../cells/client.js";
import type { CompiledCell, Completion } from "../cells/compiler.js";
import { type CellDiagnostic, renderDiagnostic } from "../cells/diagnostics.js";
import type { Inspection } from "../cells/inspection.js";
import type { ErrorContent } from "../protocol/messages.js";
import { completeMagic } from "./complete.js";
import { CHECK_LEVELS, type CheckLevel, isCheckLevel } from "./names.js";
import { type CellRequest, readCell } from "./read.js";
import { checkStrayMagics } from "./stray.js";

/** A cell that can run, and what is to be said before it does. */
export interface PreparedCell {
  cell: CompiledCell;
  /** Print how long it took. */
  timed: boolean;
  stdout: string;
  stderr: string;
}

const VARIABLE = "TUNELAB_CHECK";

export class NotebookCells {
  readonly #client: CellsClient;
  #check: CheckLevel | undefined;
  #compiled = false;

  /** `tellProcess` hears the id of the process that compiles, and undefined when it has ended. */
  constructor(tellProcess: (pid: number | undefined) => void) {
    this.#client = new CellsClient(tellProcess);
  }

  /** Makes a cell ready to run; `label` is how messages call it. */
  async prepare(source: string, label: string): Promise<PreparedCell | { error: ErrorContent }> {
    this.#compiled = false;
    try {
      return await this.#prepare(readCell(source), source, label);
    } catch (error) {
      if (!(error instanceof TunelabError)) throw error;
      const { message } = error;
      return { error: { ename: "UsageError", evalue: message, traceback: [`UsageError: ${message}`] } };
    }
  }

  async #prepare(request: CellRequest, source: string, label: string): Promise<PreparedCell | { error: ErrorContent }> {
    const { setCheck } = request;
    if (setCheck !== undefined && setCheck !== "show") this.#check = setCheck;
    const stdout = setCheck === undefined ? "" : describeLevel(this.#level());
    const prepared = { timed: request.time, stdout, stderr: "" };
    if (request.kind !== "typescript") return { ...prepared, cell: asCell(request) };
    const compiled = await this.#client.compile(request.code, request.check ?? this.#level());
    const shown = (diagnostics: CellDiagnostic[]) => diagnostics.map((one) => renderDiagnostic(one, source, label));
    if ("refusal" in compiled) fail(compiled.refusal);
    if ("diagnostics" in compiled) {
      checkStrayMagics(request.code, compiled.diagnostics);
      return { error: typeScriptError(compiled.diagnostics, shown(compiled.diagnostics)) };
    }
    this.#compiled = true;
    const stderr = shown(compiled.warnings)
      .map((text) => `${text}\n`)
      .join("");
    return { ...prepared, cell: compiled.cell, stderr };
  }

  /** Ends the cell that was prepared last; `lost` are names that it did not come to give a value. */
  async finish(lost: readonly string[]): Promise<void> {
    if (this.#compiled) await this.#client.finish(lost);
  }

  async complete(source: string, position: number): Promise<Completion> {
    const code = typeScriptOf(source);
    return (
      completeMagic(source, position) ??
      (code === undefined ? { start: position, end: position, items: [] } : await this.#client.complete(code, position))
    );
  }

  async inspect(source: string, position: number, detailed: boolean): Promise<Inspection | undefined> {
    const code = typeScriptOf(source);
    return code === undefined ? undefined : await this.#client.inspect(code, position, detailed);
  }

  async isComplete(source: string): Promise<{ status: string; indent?: string }> {
    const request = read(source);
    if (request === undefined) return { status: "invalid" };
    if (request.kind === "typescript" && (request.code.trim() !== "" || !source.trimStart().startsWith("%%"))) {
      return await this.#client.isComplete(request.code);
    }
    // Only the writer knows where a text ends; consoles take an empty line for it.
    return /\n[ \t\r]*\n[ \t\r]*$/.test(source) ? { status: "complete" } : { status: "incomplete", indent: "" };
  }

  /** The lines, from 1, at which a debugger can stop. */
  async codeLines(source: string): Promise<number[]> {
    const code = typeScriptOf(source);
    return code === undefined ? [] : await this.#client.codeLines(code);
  }

  /** Forgets every cell, as after a restart of the runner. */
  reset(): Promise<void> {
    return this.#client.reset();
  }

  /** Gives up the cell that is being prepared, which is then refused. */
  giveUp(): void {
    this.#client.restart();
  }

  close(): void {
    this.#client.close();
  }

  /** What type errors do in cells that do not say it themselves. */
  #level(): CheckLevel {
    const given = process.env[VARIABLE];
    if (this.#check !== undefined || given === undefined || given === "") return this.#check ?? "error";
    if (!isCheckLevel(given)) {
      fail(`${VARIABLE} is "${given}".`, { hint: `Set it to ${CHECK_LEVELS.join(" or ")}, or leave it out.` });
    }
    return given;
  }
}

/** Undefined for a cell whose magics are wrong. */
function read(source: string): CellRequest | undefined {
  try {
    return readCell(source);
  } catch {
    return undefined;
  }
}

/** The TypeScript of a cell, at its own positions; undefined for a cell of something else. */
function typeScriptOf(source: string): string | undefined {
  const request = read(source);
  return request?.kind === "typescript" ? request.code : undefined;
}

/** The runner's own tools, called as a cell: interrupts, errors and output work as in every other. */
function asCell(request: Exclude<CellRequest, { kind: "typescript" }>): CompiledCell {
  const { kind } = request;
  const { time: _time, check: _check, setCheck: _setCheck, ...rest } = request;
  const body = `await __cell.${kind}(${JSON.stringify(rest)});`;
  return { body, head: 0, imports: [], names: [], lines: [], sideModules: {}, preloaded: [] };
}

function describeLevel(level: CheckLevel): string {
  return level === "warn" ? "Type errors are shown, and the cell runs.\n" : "Type errors stop a cell before it runs.\n";
}

function typeScriptError(diagnostics: CellDiagnostic[], traceback: string[]): ErrorContent {
  const more = diagnostics.length > 1 ? ` (and ${diagnostics.length - 1} more)` : "";
  return { ename: "TypeScriptError", evalue: `${diagnostics[0]?.message ?? ""}${more}`, traceback };
}
