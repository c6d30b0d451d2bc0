/**
 * The debugger: the part of the Debug Adapter Protocol that notebook front ends use, over the inspector of the runner.
 * Everything is answered here and by the runner's control thread, so also while a cell stands at a breakpoint.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LineMap } from "../cells/lineMap.js";
import { sourceLineOf } from "../cells/lineMap.js";
import type { Json, JsonObject } from "../protocol/messages.js";
import { asNumber, asObject, asString } from "../protocol/messages.js";
import { CELL_HEAD, type InspectorCommand, type InspectorMessage } from "../runner/messages.js";
import { murmur2 } from "./murmur2.js";
import { type RemoteObject, showRemote } from "./remoteObject.js";

interface DebuggerWires {
  inspect(command: InspectorCommand): void;
  /** Another number for each runner. */
  generation(): number;
  event(content: JsonObject): void;
}

interface CallFrame {
  callFrameId: string;
  functionName: string;
  location: { scriptId: string; lineNumber: number; columnNumber: number };
  scopeChain: { type: string; object: RemoteObject }[];
}

interface Cell {
  path: string;
  lines: LineMap;
}

type Command = (body: JsonObject) => Promise<JsonObject> | JsonObject;

const SEED = 0x74756e65;
/** JupyterLab shows a path with "ipykernel_" in it as "Cell [3]", any other as it is. */
const PREFIX = `${join(tmpdir(), `tunelab_ipykernel_${process.pid}`)}/`;
const SUFFIX = ".ts";
/** Behind the functions with which the runner begins each script. */
const FIRST_COLUMN = CELL_HEAD.length;
const THREAD = { id: 1, name: "cells" };
const STEPS: Record<string, string> = {
  continue: "Debugger.resume",
  next: "Debugger.stepOver",
  stepIn: "Debugger.stepInto",
  stepOut: "Debugger.stepOut",
  pause: "Debugger.pause",
};
/** What a cell's function has besides the cell's own names. */
const OWN_NAMES = new Set(["exports", "require", "__cell", "__filename", "__dirname", "arguments", "this"]);
const SCOPE = 'globalThis[Symbol.for("tunelab.scope")]';
const NOTEBOOK = `(scope => { const names = {}; for (const name of Object.keys(scope)) try { names[name] = scope[name]; } catch {} return names; })(${SCOPE})`;

export class Debugger {
  readonly #wires: DebuggerWires;
  readonly #waiting = new Map<number, { resolve(result: JsonObject): void; reject(error: Error): void }>();
  readonly #sources = new Map<string, string>();
  /** Path to lines, from 1. */
  readonly #breakpoints = new Map<string, number[]>();
  /** Inspector's ids of the breakpoints that are set, by path. */
  readonly #set = new Map<string, string[]>();
  /** By the name of the script. */
  readonly #cells = new Map<string, Cell>();
  /** By the inspector's id of the script; call frames tell no more than that. */
  readonly #scripts = new Map<string, Cell>();
  readonly #commands: Record<string, Command>;
  #references: string[] = [];
  #frames: CallFrame[] = [];
  #attached = false;
  #enabledIn: number | undefined;
  #ids = 0;
  #sequence = 0;
  #reason = "breakpoint";

  constructor(wires: DebuggerWires) {
    this.#wires = wires;
    this.#commands = {
      initialize: () => ({ supportsConfigurationDoneRequest: true, supportsStepBack: false }),
      attach: () => this.#attach(),
      disconnect: () => this.#disconnect(),
      debugInfo: () => this.#info(),
      configurationDone: () => ({}),
      dumpCell: ({ code }) => ({ sourcePath: this.#remember(asString(code)) }),
      source: ({ source }) => this.#source(asString(asObject(source).path)),
      modules: () => ({ modules: [], totalModules: 0 }),
      threads: () => ({ threads: [THREAD] }),
      setBreakpoints: (given) => this.#setBreakpoints(given),
      stackTrace: () => ({ stackFrames: this.#stack(), totalFrames: this.#frames.length }),
      scopes: ({ frameId }) => this.#scopes(asNumber(frameId, 1)),
      variables: ({ variablesReference }) => this.#variables(asNumber(variablesReference, 0)),
      inspectVariables: () => this.#notebook(),
      evaluate: ({ expression, frameId }) => this.#evaluate(asString(expression), asNumber(frameId, 0)),
    };
    for (const [name, method] of Object.entries(STEPS)) this.#commands[name] = () => this.#step(name, method);
  }

  /** Answers a debug_request. */
  async request(request: JsonObject): Promise<JsonObject> {
    const name = asString(request.command);
    const reply = { type: "response", seq: ++this.#sequence, request_seq: request.seq ?? 0, command: name };
    const command = this.#commands[name];
    try {
      if (command === undefined) throw new Error(`The debugger has no "${name}".`);
      const body = await command(asObject(request.arguments));
      if (name === "initialize") this.#tell("initialized", {});
      return { ...reply, success: true, body };
    } catch (error) {
      return { ...reply, success: false, message: error instanceof Error ? error.message : String(error), body: {} };
    }
  }

  /** Sets the breakpoints of a cell that is about to run. */
  async beforeCell(id: number, source: string, lines: LineMap): Promise<void> {
    const path = pathOf(source);
    this.#cells.set(`cell-${id}`, { path, lines });
    if (!this.#attached) return;
    await this.#enable();
    await this.#apply(path);
  }

  fromInspector(message: InspectorMessage): void {
    if (message.id !== undefined) {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.error !== undefined) waiting?.reject(new Error(message.error));
      else waiting?.resolve(message.result ?? {});
    } else if (message.method === "Debugger.scriptParsed") {
      const cell = this.#cells.get(asString(message.params.url));
      if (cell !== undefined) this.#scripts.set(asString(message.params.scriptId), cell);
    } else if (message.method === "Debugger.paused") {
      this.#paused(message.params);
    } else {
      if (this.#frames.length > 0) this.#tell("continued", { threadId: THREAD.id, allThreadsContinued: true });
      this.#frames = [];
      this.#references = [];
    }
  }

  /** The runner is gone. */
  lost(): void {
    for (const { reject } of this.#waiting.values()) reject(new Error("The process that runs the cells has ended."));
    this.#waiting.clear();
    this.#set.clear();
    this.#cells.clear();
    this.#scripts.clear();
    this.#references = [];
    this.#enabledIn = undefined;
    if (this.#frames.length > 0) this.#tell("continued", { threadId: THREAD.id, allThreadsContinued: true });
    this.#frames = [];
  }

  #paused({ callFrames, hitBreakpoints }: JsonObject): void {
    const frames = callFrames as unknown as CallFrame[];
    // Stepped out of the cells, or into what they call.
    const ofCells = frames.filter(({ location }) => this.#scripts.has(location.scriptId));
    if (ofCells.length === 0 || ofCells[0] !== frames[0]) {
      void this.#post(ofCells.length > 0 ? "Debugger.stepOut" : "Debugger.resume").catch(() => {});
      return;
    }
    this.#frames = ofCells;
    const reason = (hitBreakpoints as Json[] | undefined)?.length ? "breakpoint" : this.#reason;
    this.#tell("stopped", { reason, threadId: THREAD.id, allThreadsStopped: true });
  }

  async #attach(): Promise<JsonObject> {
    this.#attached = true;
    await this.#enable();
    return {};
  }

  async #disconnect(): Promise<JsonObject> {
    this.#attached = false;
    if (this.#enabledIn !== undefined) await this.#post("Debugger.disable");
    this.#enabledIn = undefined;
    this.#frames = [];
    this.#breakpoints.clear();
    this.#set.clear();
    return {};
  }

  async #enable(): Promise<void> {
    if (this.#enabledIn !== undefined && this.#enabledIn === this.#wires.generation()) return;
    await this.#post("Debugger.enable");
    await this.#post("Debugger.setBlackboxPatterns", { patterns: ["^(?!cell-\\d+$)"] });
    this.#enabledIn = this.#wires.generation();
  }

  #info(): JsonObject {
    return {
      isStarted: this.#attached,
      hashMethod: "Murmur2",
      hashSeed: SEED,
      tmpFilePrefix: PREFIX,
      tmpFileSuffix: SUFFIX,
      breakpoints: [...this.#breakpoints].map(([source, lines]) => ({
        source,
        breakpoints: lines.map((line) => ({ line })),
      })),
      stoppedThreads: this.#frames.length > 0 ? [THREAD.id] : [],
      richRendering: false,
      exceptionPaths: [],
      copyToGlobals: false,
    };
  }

  #remember(code: string): string {
    const path = pathOf(code);
    this.#sources.set(path, code);
    return path;
  }

  #source(path: string): JsonObject {
    const content = this.#sources.get(path);
    if (content === undefined) throw new Error(`No cell is known as ${path}.`);
    return { content, mimeType: "text/typescript" };
  }

  async #setBreakpoints({ source, breakpoints }: JsonObject): Promise<JsonObject> {
    const path = asString(asObject(source).path);
    const lines = (Array.isArray(breakpoints) ? breakpoints : []).map((one) => asNumber(asObject(one).line, 1));
    this.#breakpoints.set(path, lines);
    if (this.#attached) {
      await this.#enable();
      await this.#apply(path);
    }
    return { breakpoints: lines.map((line) => ({ verified: true, line, source: { path } })) };
  }

  /** Sets the breakpoints of a path in the latest run of its cell, or takes them away. */
  async #apply(path: string): Promise<void> {
    for (const breakpointId of this.#set.get(path) ?? []) {
      await this.#post("Debugger.removeBreakpoint", { breakpointId });
    }
    this.#set.delete(path);
    const run = [...this.#cells].reverse().find(([, cell]) => cell.path === path);
    if (run === undefined) return;
    const [url, { lines }] = run;
    const set: string[] = [];
    for (const line of this.#breakpoints.get(path) ?? []) {
      const lineNumber = generatedLine(lines, line - 1);
      if (lineNumber === undefined) continue;
      // The first line of the script begins with the function around the cell.
      const columnNumber = lineNumber === 0 ? FIRST_COLUMN : 0;
      const { breakpointId } = await this.#post("Debugger.setBreakpointByUrl", { url, lineNumber, columnNumber });
      set.push(asString(breakpointId));
    }
    this.#set.set(path, set);
  }

  #stack(): JsonObject[] {
    return this.#frames.map(({ functionName, location }, index) => {
      const { path, lines } = this.#scripts.get(location.scriptId) as Cell;
      const line = sourceLineOf(lines, location.lineNumber, location.columnNumber) ?? 0;
      const name = functionName === "__tunelabCell" ? "cell" : functionName || "(anonymous)";
      return { id: index + 1, name, line: line + 1, column: 1, source: { name: path, path } };
    });
  }

  async #scopes(frameId: number): Promise<JsonObject> {
    const chain = this.#frames[frameId - 1]?.scopeChain ?? [];
    const names: Record<string, string> = { local: "Local", block: "Block", closure: "Closure", catch: "Catch" };
    const scopes: JsonObject[] = chain.flatMap(({ type, object }) =>
      names[type] === undefined
        ? []
        : [{ name: names[type], variablesReference: this.#refer(object), expensive: false }],
    );
    const { result } = await this.#post("Runtime.evaluate", { expression: NOTEBOOK });
    scopes.push({ name: "Notebook", variablesReference: this.#refer(result as unknown as RemoteObject) });
    return { scopes };
  }

  async #variables(reference: number): Promise<JsonObject> {
    const objectId = this.#references[reference - 1];
    if (objectId === undefined) throw new Error("The cell has gone on; its variables are no longer there.");
    const { result } = await this.#post("Runtime.getProperties", { objectId, ownProperties: true });
    const properties = result as unknown as { name: string; value?: RemoteObject; get?: RemoteObject }[];
    const variables = properties
      .filter(({ name, value }) => value !== undefined && !OWN_NAMES.has(name) && name !== "__proto__")
      .map(({ name, value }) => this.#variable(name, value as RemoteObject));
    return { variables };
  }

  async #notebook(): Promise<JsonObject> {
    const { result } = await this.#post("Runtime.evaluate", { expression: NOTEBOOK });
    return await this.#variables(this.#refer(result as unknown as RemoteObject));
  }

  async #evaluate(expression: string, frameId: number): Promise<JsonObject> {
    const callFrameId = this.#frames[frameId - 1]?.callFrameId;
    let answer: JsonObject | undefined;
    if (callFrameId !== undefined) {
      answer = await this.#post("Debugger.evaluateOnCallFrame", { callFrameId, expression });
    }
    // Names of earlier cells are known to the notebook's scope only.
    if (answer === undefined || asObject(answer.result).className === "ReferenceError") {
      answer = await this.#post("Runtime.evaluate", { expression: `with (${SCOPE}) { ${expression}\n}` });
    }
    const { name: _name, value, ...rest } = this.#variable("", answer.result as unknown as RemoteObject);
    if (answer.exceptionDetails !== undefined) throw new Error(asString(value).split("\n")[0]);
    return { result: value, ...rest };
  }

  async #step(name: string, method: string): Promise<JsonObject> {
    this.#reason = name === "pause" ? "pause" : "step";
    await this.#post(method);
    return name === "continue" ? { allThreadsContinued: true } : {};
  }

  #variable(name: string, value: RemoteObject): JsonObject {
    return {
      name,
      evaluateName: name,
      type: value.subtype ?? value.type,
      value: showRemote(value),
      variablesReference: this.#refer(value),
    };
  }

  #refer({ objectId, type }: RemoteObject): number {
    if (objectId === undefined || type === "function") return 0;
    return this.#references.push(objectId);
  }

  #post(method: string, params: JsonObject = {}): Promise<JsonObject> {
    const id = ++this.#ids;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#wires.inspect({ id, method, params });
    });
  }

  #tell(event: string, body: JsonObject): void {
    this.#wires.event({ type: "event", seq: ++this.#sequence, event, body });
  }
}

function pathOf(code: string): string {
  return `${PREFIX}${murmur2(code, SEED)}${SUFFIX}`;
}

/** The first line of JavaScript that a source line, or the next one that has code, became. All from 0. */
function generatedLine(lines: LineMap, source: number): number | undefined {
  let best: { line: number; source: number } | undefined;
  for (const [line, pairs] of lines.entries()) {
    for (let index = 1; index < pairs.length; index += 2) {
      const from = pairs[index] ?? -1;
      if (from >= source && (best === undefined || from < best.source)) best = { line, source: from };
    }
  }
  return best?.line;
}
