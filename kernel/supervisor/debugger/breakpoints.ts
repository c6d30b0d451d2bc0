/** Breakpoints by source: said where they can stop before the cell has run, set in the script once it does. */
import type { Json, JsonObject } from "../../protocol/messages.js";
import { asNumber, asObject, asString } from "../../protocol/messages.js";
import { SCOPE } from "./expressions.js";
import type { Inspector } from "./inspector.js";
import { type Sources, scriptPosition } from "./sources.js";

interface Breakpoint {
  /** From 1; where it stops, which may be below the line that was asked for. */
  line: number;
  verified: boolean;
  message?: string;
  /** JavaScript that says whether to stop. */
  condition?: string;
}

/** Lines of a source, from 1, at which code can be stopped. */
type CodeLines = (source: string) => Promise<number[]>;

/** Words that name nothing, or nothing that can be handed on. */
const RESERVED = new Set(
  (
    "arguments await break case catch class const continue debugger default delete do else enum eval export extends " +
    "false finally for function if implements import in instanceof interface let new null package private protected " +
    "public return static super switch this throw true try typeof undefined var void while with yield"
  ).split(" "),
);
const NAME = /(?<![\p{ID_Continue}$.])[\p{ID_Start}$_][\p{ID_Continue}$]*/gu;
const HIT_COUNT = /^(==|>=|<=|>|<|%|=)?\s*(\d+)$/;

export class Breakpoints {
  readonly #inspector: Inspector;
  readonly #sources: Sources;
  readonly #codeLines: CodeLines;
  readonly #wanted = new Map<string, Breakpoint[]>();
  /** The inspector's ids, by path. */
  readonly #set = new Map<string, string[]>();
  #last: Promise<unknown> = Promise.resolve();
  #counters = 0;

  constructor(inspector: Inspector, sources: Sources, codeLines: CodeLines) {
    this.#inspector = inspector;
    this.#sources = sources;
    this.#codeLines = codeLines;
  }

  /** Takes the breakpoints of a setBreakpoints request, in place of all earlier ones of that source. */
  async want(path: string, given: readonly Json[]): Promise<JsonObject[]> {
    const text = this.#sources.text(path);
    const code = text === undefined ? undefined : await this.#codeLines(text);
    const breakpoints = given.map((one) => this.#place(asObject(one), code));
    if (breakpoints.length > 0) this.#wanted.set(path, breakpoints);
    else this.#wanted.delete(path);
    return breakpoints.map(({ line, verified, message }) => ({
      verified,
      line,
      source: { path },
      ...(message !== undefined && { message }),
    }));
  }

  /** Sets the breakpoints of a source in its latest script, or takes them away. */
  apply(path: string): Promise<void> {
    const applied = this.#last.then(() => this.#apply(path));
    this.#last = applied.catch(() => {});
    return applied;
  }

  /** The `breakpoints` of debugInfo. */
  info(): JsonObject[] {
    return [...this.#wanted].map(([source, breakpoints]) => ({
      source,
      breakpoints: breakpoints.map(({ line }) => ({ line })),
    }));
  }

  clear(): void {
    this.#wanted.clear();
    this.#set.clear();
  }

  /** The runner is gone; what is wanted will be set in the next one. */
  lost(): void {
    this.#set.clear();
  }

  #place(given: JsonObject, code: number[] | undefined): Breakpoint {
    const asked = asNumber(given.line, 1);
    if (code === undefined) {
      return { line: asked, verified: false, message: "The source is not known: no cell or imported file has it." };
    }
    const line = code.find((one) => one >= asked);
    if (line === undefined) {
      return { line: asked, verified: false, message: `There is no code at line ${asked} or below it.` };
    }
    const hits = asString(given.hitCondition).trim();
    if (hits !== "" && !HIT_COUNT.test(hits)) {
      const message = `The hit count "${hits}" is not understood. Write a number, or one after ==, >, >=, <, <= or %.`;
      return { line, verified: false, message };
    }
    const condition = this.#condition(asString(given.condition).trim(), hits, asString(given.logMessage));
    return { line, verified: true, ...(condition !== "" && { condition }) };
  }

  #condition(condition: string, hits: string, log: string): string {
    const parts = condition === "" ? [] : [`(${withNotebook(condition)})`];
    if (hits !== "") {
      const [, operator = "==", count] = HIT_COUNT.exec(hits) ?? [];
      const counts = `(globalThis[Symbol.for("tunelab.hits")] ??= {})`;
      const hit = `(${counts}[${++this.#counters}] = (${counts}[${this.#counters}] ?? 0) + 1)`;
      const comparison = operator === "%" ? `% ${count} === 0` : `${operator === "=" ? "==" : operator} ${count}`;
      parts.push(`(${hit} ${comparison})`);
    }
    if (log !== "") parts.push(`(console.log(${template(log)}), false)`);
    return parts.join(" && ");
  }

  async #apply(path: string): Promise<void> {
    const set = this.#set.get(path) ?? [];
    this.#set.delete(path);
    for (const breakpointId of set) await this.#inspector.post("Debugger.removeBreakpoint", { breakpointId });
    const script = this.#sources.latest(path);
    if (script === undefined) return;
    const ids = new Set<string>();
    for (const { line, verified, condition } of this.#wanted.get(path) ?? []) {
      const position = verified ? scriptPosition(script, line) : undefined;
      if (position === undefined) continue;
      const params = { url: script.url, ...position, ...(condition !== undefined && { condition }) };
      // Two breakpoints that stop at one place are one to the inspector, which refuses the second.
      const answer = await this.#inspector.post("Debugger.setBreakpointByUrl", params).catch(() => undefined);
      if (answer !== undefined) ids.add(asString(answer.breakpointId));
    }
    if (ids.size > 0) this.#set.set(path, [...ids]);
  }
}

/** An expression that also knows the names of earlier cells, which no scope of the frame has. */
function withNotebook(expression: string): string {
  const names = [...new Set(expression.match(NAME))].filter((name) => !RESERVED.has(name));
  const values = names.map((name) => `(() => { try { return ${name}; } catch { return ${SCOPE}.${name}; } })()`);
  const again = `((${names.join(", ")}) => (${expression}))(${values.join(", ")})`;
  const missing = `if (!(error instanceof ReferenceError)) throw error; return ${again};`;
  return `(() => { try { return (${expression}); } catch (error) { ${missing} } })()`;
}

/** A log message as a template literal: expressions stand in braces, and one that fails is what it throws. */
function template(message: string): string {
  const parts = message.split(/(\{[^{}]+\})/);
  const text = parts.map((part) =>
    /^\{[^{}]+\}$/.test(part)
      ? `\${(() => { try { return ${withNotebook(part.slice(1, -1))}; } catch (error) { return error; } })()}`
      : part.replace(/[`\\]|\$(?=\{)/g, "\\$&"),
  );
  return `\`${text.join("")}\``;
}
