/**
 * The debugger: the part of the Debug Adapter Protocol that notebook front ends use, over the inspector of the runner.
 * Everything is answered here and by the runner's control thread, so also while a cell stands at a breakpoint.
 */
import type { CompiledCell } from "../cells/compiler.js";
import type { Json, JsonObject } from "../protocol/messages.js";
import { asNumber, asObject, asString } from "../protocol/messages.js";
import type { InspectorCommand, InspectorMessage } from "../runner/messages.js";
import { Breakpoints } from "./debugger/breakpoints.js";
import { EXCEPTION_FILTERS, Exceptions, thrownBy } from "./debugger/exceptions.js";
import { Expressions, SCOPE } from "./debugger/expressions.js";
import { type CallFrame, describeFrames, isOnSameLine, knownScopes, ownFrames } from "./debugger/frames.js";
import { Inspector } from "./debugger/inspector.js";
import { HASH, PREFIX, Sources, SUFFIX } from "./debugger/sources.js";
import { Variables } from "./debugger/variables.js";
import type { RemoteObject } from "./remoteObject.js";

interface DebuggerWires {
  inspect(command: InspectorCommand): void;
  /** Another number for each runner. */
  generation(): number;
  event(content: JsonObject): void;
  /** Lines of a source, from 1, at which code can be stopped. */
  codeLines(source: string): Promise<number[]>;
}

type Command = (body: JsonObject) => Promise<JsonObject> | JsonObject;

const THREAD = { id: 1, name: "cells" };
const CAPABILITIES: JsonObject = {
  supportsConfigurationDoneRequest: true,
  supportsConditionalBreakpoints: true,
  supportsHitConditionalBreakpoints: true,
  supportsLogPoints: true,
  supportsEvaluateForHovers: true,
  supportsSetVariable: true,
  supportsExceptionInfoRequest: true,
  supportsStepBack: false,
  exceptionBreakpointFilters: EXCEPTION_FILTERS,
};
const STEPS: Record<string, string> = {
  continue: "Debugger.resume",
  next: "Debugger.stepOver",
  stepIn: "Debugger.stepInto",
  stepOut: "Debugger.stepOut",
  pause: "Debugger.pause",
};
const NOTEBOOK = `(scope => { const names = {}; for (const name of Object.keys(scope)) try { names[name] = scope[name]; } catch {} return names; })(${SCOPE})`;
const NO_GLOBALS =
  "A variable cannot be copied to the notebook: cells are checked before they run, and would not know its type. " +
  "Declare it in a cell, and set it with setVariable or by an assignment.";

export class Debugger {
  readonly #wires: DebuggerWires;
  readonly #inspector: Inspector;
  readonly #sources = new Sources();
  readonly #breakpoints: Breakpoints;
  readonly #exceptions: Exceptions;
  readonly #variables: Variables;
  readonly #expressions: Expressions;
  readonly #commands: Record<string, Command>;
  #frames: CallFrame[] = [];
  /** Where the step over a line began that is under way. */
  #stepsFrom: CallFrame[] = [];
  #attached = false;
  #enabledIn: number | undefined;
  #sequence = 0;
  #reason = "breakpoint";

  constructor(wires: DebuggerWires) {
    this.#wires = wires;
    this.#inspector = new Inspector((command) => wires.inspect(command));
    this.#breakpoints = new Breakpoints(this.#inspector, this.#sources, (source) => wires.codeLines(source));
    this.#exceptions = new Exceptions(this.#inspector);
    this.#variables = new Variables(this.#inspector);
    this.#expressions = new Expressions(this.#inspector);
    this.#commands = {
      initialize: () => CAPABILITIES,
      attach: () => this.#attach(),
      disconnect: () => this.#disconnect(),
      debugInfo: () => this.#info(),
      configurationDone: () => ({}),
      dumpCell: ({ code }) => ({ sourcePath: this.#sources.remember(asString(code)) }),
      source: ({ source }) => this.#source(asString(asObject(source).path)),
      modules: () => this.#modules(),
      threads: () => ({ threads: [THREAD] }),
      setBreakpoints: (given) => this.#setBreakpoints(given),
      setExceptionBreakpoints: ({ filters }) => this.#setExceptionBreakpoints(Array.isArray(filters) ? filters : []),
      exceptionInfo: () => this.#exceptions.info(),
      stackTrace: (given) => this.#stackTrace(given),
      scopes: ({ frameId }) => this.#scopes(asNumber(frameId, 1)),
      variables: async (given) => ({ variables: await this.#variables.list(given) }),
      inspectVariables: () => this.#notebook(),
      richInspectVariables: (given) => this.#richInspect(given),
      evaluate: (given) => this.#evaluate(given),
      setVariable: (given) => this.#setVariable(given),
      copyToGlobals: () => {
        throw new Error(NO_GLOBALS);
      },
    };
    for (const [name, method] of Object.entries(STEPS)) this.#commands[name] = () => this.#step(name, method);
  }

  /** Whether the next cell is to run so that the inspector can tell which exceptions are uncaught. */
  get watchesUncaught(): boolean {
    return this.#attached && this.#exceptions.uncaught;
  }

  /** Answers a debug_request. */
  async request(request: JsonObject): Promise<JsonObject> {
    const name = asString(request.command);
    const reply = { type: "response", seq: ++this.#sequence, request_seq: request.seq ?? 0, command: name };
    const command = Object.hasOwn(this.#commands, name) ? this.#commands[name] : undefined;
    try {
      if (command === undefined) throw new Error(`The debugger has no "${name}".`);
      const body = await command(asObject(request.arguments));
      if (name === "initialize") this.#tell("initialized", {});
      return { ...reply, success: true, body };
    } catch (error) {
      return { ...reply, success: false, message: error instanceof Error ? error.message : String(error), body: {} };
    }
  }

  /** Sets the breakpoints of a cell that is about to run, and of the local files that it imports. */
  async beforeCell(id: number, source: string, { lines, head, sideModules }: CompiledCell): Promise<void> {
    const paths = [this.#sources.addRun(id, source, lines, head)];
    for (const [url, module] of Object.entries(sideModules)) paths.push(this.#sources.addFile(url, module));
    if (!this.#attached) return;
    await this.#enable();
    if (paths.length > 1) await this.#stepOverOthers();
    for (const path of paths) await this.#breakpoints.apply(path);
  }

  fromInspector(message: InspectorMessage): void {
    if (message.id !== undefined) this.#inspector.answer(message);
    else if (message.method === "Debugger.scriptParsed") {
      this.#parsed(asString(message.params.scriptId), asString(message.params.url));
    } else if (message.method === "Debugger.paused") this.#paused(message.params);
    else this.#goneOn();
  }

  /** The runner is gone. */
  lost(): void {
    this.#inspector.lost();
    this.#breakpoints.lost();
    this.#sources.lost();
    this.#stepsFrom = [];
    this.#enabledIn = undefined;
    this.#goneOn();
  }

  /** What stands before a cell's own code, such as the accessors of its names, is stepped over. */
  #parsed(scriptId: string, url: string): void {
    this.#sources.parsed(scriptId, url);
    const { firstColumn = 0 } = this.#sources.ofScript(scriptId) ?? {};
    if (firstColumn === 0) return;
    const positions = [0, firstColumn].map((columnNumber) => ({ lineNumber: 0, columnNumber }));
    void this.#inspector.post("Debugger.setBlackboxedRanges", { scriptId, positions }).catch(() => {});
  }

  #paused(params: JsonObject): void {
    const frames = params.callFrames as unknown as CallFrame[];
    const own = ownFrames(frames, this.#sources);
    const thrown = thrownBy(params);
    const isMistake = this.#exceptions.stopped(thrown);
    // Stepped out of the cells, or into what they call; an exception is shown where the cell called what threw it.
    const elsewhere = own.length === 0 || (thrown === undefined && own[0] !== frames[0]);
    if (elsewhere || !isMistake) {
      const isSought = this.#reason === "pause" && thrown === undefined;
      const method = isSought
        ? "Debugger.stepInto"
        : own.length > 0 && isMistake
          ? "Debugger.stepOut"
          : "Debugger.resume";
      void this.#inspector.post(method).catch(() => {});
      return;
    }
    const hit = Array.isArray(params.hitBreakpoints) && params.hitBreakpoints.length > 0;
    if (thrown === undefined && !hit && isOnSameLine(this.#stepsFrom, own, this.#sources)) {
      void this.#inspector.post("Debugger.stepOver").catch(() => {});
      return;
    }
    this.#frames = own;
    const asked = this.#reason;
    this.#reason = "breakpoint";
    const reason = thrown !== undefined ? "exception" : hit ? "breakpoint" : asked;
    const text = thrown === undefined ? {} : { text: this.#exceptions.info().description ?? "" };
    this.#tell("stopped", { reason, threadId: THREAD.id, allThreadsStopped: true, ...text });
  }

  #goneOn(): void {
    if (this.#frames.length > 0) this.#tell("continued", { threadId: THREAD.id, allThreadsContinued: true });
    this.#frames = [];
    this.#exceptions.goneOn();
    this.#variables.clear();
  }

  async #attach(): Promise<JsonObject> {
    this.#attached = true;
    await this.#enable();
    return {};
  }

  /** What stands at a breakpoint goes on. */
  async #disconnect(): Promise<JsonObject> {
    this.#attached = false;
    if (this.#enabledIn !== undefined) await this.#inspector.post("Debugger.disable");
    this.#enabledIn = undefined;
    this.#goneOn();
    this.#breakpoints.clear();
    this.#exceptions.clear();
    return {};
  }

  async #enable(): Promise<void> {
    if (this.#enabledIn !== undefined && this.#enabledIn === this.#wires.generation()) return;
    await this.#inspector.post("Debugger.enable");
    await this.#stepOverOthers();
    await this.#exceptions.apply();
    this.#enabledIn = this.#wires.generation();
  }

  async #stepOverOthers(): Promise<void> {
    await this.#inspector.post("Debugger.setBlackboxPatterns", { patterns: [this.#sources.othersPattern()] });
  }

  #info(): JsonObject {
    return {
      isStarted: this.#attached,
      hashMethod: HASH.method,
      hashSeed: HASH.seed,
      tmpFilePrefix: PREFIX,
      tmpFileSuffix: SUFFIX,
      breakpoints: this.#breakpoints.info(),
      stoppedThreads: this.#frames.length > 0 ? [THREAD.id] : [],
      richRendering: true,
      exceptionPaths: [],
      copyToGlobals: false,
    };
  }

  #source(path: string): JsonObject {
    const content = this.#sources.text(path);
    if (content === undefined) throw new Error(`No cell and no imported file is known as ${path}.`);
    return { content, mimeType: "text/typescript" };
  }

  /** The local files that cells imported, so that front ends can open them. */
  #modules(): JsonObject {
    const modules = this.#sources.files().map((path, id) => ({ id, name: path.split("/").at(-1) ?? path, path }));
    return { modules, totalModules: modules.length };
  }

  async #setBreakpoints({ source, breakpoints }: JsonObject): Promise<JsonObject> {
    const path = asString(asObject(source).path);
    const placed = await this.#breakpoints.want(path, Array.isArray(breakpoints) ? breakpoints : []);
    if (this.#attached) {
      await this.#enable();
      await this.#breakpoints.apply(path);
    }
    return { breakpoints: placed };
  }

  async #setExceptionBreakpoints(filters: Json[]): Promise<JsonObject> {
    const breakpoints = this.#exceptions.want(filters);
    if (this.#attached) {
      await this.#enable();
      await this.#exceptions.apply();
    }
    return { breakpoints };
  }

  #stackTrace({ startFrame, levels }: JsonObject): JsonObject {
    const frames = describeFrames(this.#frames, this.#sources);
    const start = asNumber(startFrame, 0);
    const count = asNumber(levels, 0) || frames.length;
    return { stackFrames: frames.slice(start, start + count), totalFrames: frames.length };
  }

  async #scopes(frameId: number): Promise<JsonObject> {
    const frame = this.#frames[frameId - 1];
    const scopes: JsonObject[] = knownScopes(frame).map(({ name, object, number }) => {
      const scope = { callFrameId: frame?.callFrameId ?? "", number };
      return { name, variablesReference: this.#variables.refer(object, scope), expensive: false };
    });
    scopes.push({ name: "Notebook", variablesReference: this.#variables.refer(await this.#names()), expensive: false });
    return { scopes };
  }

  async #notebook(): Promise<JsonObject> {
    // Nothing goes on that would let go of what was shown before.
    if (this.#frames.length === 0) this.#variables.clear();
    const variablesReference = this.#variables.refer(await this.#names());
    return { variables: await this.#variables.list({ variablesReference }) };
  }

  async #names(): Promise<RemoteObject> {
    const { result } = await this.#inspector.post("Runtime.evaluate", { expression: NOTEBOOK });
    return result as unknown as RemoteObject;
  }

  async #evaluate({ expression, frameId, context }: JsonObject): Promise<JsonObject> {
    const callFrameId = this.#frames[asNumber(frameId, 0) - 1]?.callFrameId;
    const found = await this.#expressions.evaluate(asString(expression), { callFrameId, pure: context === "hover" });
    const { name: _name, value, ...rest } = this.#variables.describe("", found);
    return { result: value, ...rest };
  }

  async #setVariable({ variablesReference, name, value }: JsonObject): Promise<JsonObject> {
    const callFrameId = this.#frames[0]?.callFrameId;
    const found = await this.#expressions.evaluate(`(${asString(value)})`, { callFrameId });
    const { name: _name, ...rest } = await this.#variables.set(variablesReference, asString(name), found);
    return rest;
  }

  /** What a cell would show of a variable, as far as it can be had without waiting. */
  async #richInspect({ variableName, frameId }: JsonObject): Promise<JsonObject> {
    const callFrameId = this.#frames[asNumber(frameId, 0) - 1]?.callFrameId;
    const found = await this.#expressions.evaluate(asString(variableName), { callFrameId });
    const { objectId, unserializableValue, value } = found;
    const { result } = await this.#inspector.post("Runtime.evaluate", {
      expression: 'globalThis[Symbol.for("tunelab.show")]',
    });
    const given =
      objectId !== undefined ? { objectId } : unserializableValue ? { unserializableValue } : { value: value ?? null };
    const answer = await this.#inspector.post("Runtime.callFunctionOn", {
      objectId: asObject(result).objectId ?? "",
      functionDeclaration: "function (value) { return this(value); }",
      arguments: [found.type === "undefined" ? {} : given],
      returnByValue: true,
    });
    return { data: asObject(asObject(answer.result).value), metadata: {} };
  }

  async #step(name: string, method: string): Promise<JsonObject> {
    if (name !== "pause" && this.#frames.length === 0) throw new Error("No cell is stopped.");
    this.#reason = name === "pause" ? "pause" : name === "continue" ? "breakpoint" : "step";
    const left = this.#frames;
    this.#stepsFrom = name === "next" ? left : [];
    try {
      await this.#inspector.post(method);
      // The word of it is later than the answer, and may be later than the cell's end, which comes another way.
      if (name !== "pause" && this.#frames === left) this.#goneOn();
    } catch (error) {
      // It went on, and the word of that is still on its way.
      if (/while paused/.test(String(error))) throw new Error("No cell is stopped.");
      throw error;
    }
    return name === "continue" ? { allThreadsContinued: true } : {};
  }

  #tell(event: string, body: JsonObject): void {
    this.#wires.event({ type: "event", seq: ++this.#sequence, event, body });
  }
}
