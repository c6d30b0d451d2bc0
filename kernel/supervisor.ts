/**
 * Ties protocol, cells and runner together: takes requests, keeps the queue of cells and their order, answers what needs
 * no cell at once, and sends on what cells show.
 */
import { NotebookCells, type PreparedCell } from "./magics/cells.js";
import type { ErrorContent, ExecuteRequest, Header, JsonObject, Message, ParentHeader } from "./protocol/messages.js";
import { asString, readExecuteRequest } from "./protocol/messages.js";
import type { KernelSockets, RequestChannel } from "./protocol/sockets.js";
import type { DoneMessage, RunnerMessage } from "./runner/messages.js";
import { Comms } from "./supervisor/comms.js";
import { Debugger } from "./supervisor/debugger.js";
import { History } from "./supervisor/history.js";
import { inTime } from "./supervisor/inTime.js";
import { KERNEL_INFO } from "./supervisor/kernelInfo.js";
import { complete, inspect } from "./supervisor/language.js";
import { RunnerHost } from "./supervisor/runnerHost.js";
import { StreamBatcher } from "./supervisor/streams.js";
import { subshellError, subshellHandlers } from "./supervisor/subshells.js";

type ReplyContent = JsonObject & { status: "ok" | "error" | "aborted" };
type Handler = (message: Message) => Promise<ReplyContent> | ReplyContent;

interface Queued {
  channel: RequestChannel;
  message: Message;
}

/** A cell that was sent to the runner: where its output goes. */
interface Execution {
  header: Header;
  identities: Buffer[];
}

/** How long a cell may still be compiled after an interrupt. */
const COMPILE_PATIENCE_MS = 50;
/** A console that has waited a second for this answer never asks again. TypeScript may be loading, or at a cell. */
const IS_COMPLETE_MS = 700;

const INTERRUPTED: ErrorContent = {
  ename: "KeyboardInterrupt",
  evalue: "The cell was interrupted.",
  traceback: ["KeyboardInterrupt: The cell was interrupted."],
};

export class Supervisor {
  readonly #sockets: KernelSockets;
  readonly #exit: () => void;
  readonly #history = new History();
  readonly #streams: StreamBatcher;
  readonly #executions = new Map<number, Execution>();
  readonly #runner: RunnerHost;
  readonly #comms: Comms;
  readonly #debugger: Debugger;
  readonly #handlers: Record<string, Handler>;
  #cells: NotebookCells | undefined;
  #queue: Queued[] = [];
  #running: Execution | undefined;
  #latest: ParentHeader = {};
  #count = 0;
  #executionId = 0;
  #interrupted = false;
  /** The running cell is being compiled. */
  #preparing = false;
  /** The client that was asked for input last. */
  #asked: readonly Buffer[] = [];

  constructor(sockets: KernelSockets, exit: () => void) {
    this.#sockets = sockets;
    this.#exit = exit;
    this.#streams = new StreamBatcher((parent, name, text) => {
      void sockets.publish({ type: "stream", content: { name }, text, parent });
    });
    this.#runner = new RunnerHost(
      {
        text: (cell, stream, text) => this.#streams.add(this.#headerOf(cell), stream, text),
        raw: (stream, text) => this.#streams.add(this.#latest, stream, text),
        message: (message) => this.#fromRunner(message),
        inspector: (message) => this.#debugger.fromInspector(message),
        died: (error, running) => this.#runnerDied(error, running),
      },
      process.cwd(),
    );
    sockets.onPressure = (high) => this.#runner.hold(high);
    this.#debugger = new Debugger({
      inspect: (command) => this.#runner.inspect(command),
      generation: () => this.#runner.generation,
      event: (content) => void sockets.publish({ type: "debug_event", content, parent: this.#latest }),
      codeLines: (source) => this.#compiler().codeLines(source),
    });
    this.#comms = new Comms({
      publish: (message) => void sockets.publish(message),
      status: (state, parent) => {
        void this.#publishStatus(state, parent);
        if (state === "idle" && this.#running !== undefined) void this.#publishStatus("busy", this.#running.header);
      },
      forward: (command) => this.#runner.comm(command),
    });
    this.#handlers = {
      kernel_info_request: () => KERNEL_INFO as ReplyContent,
      complete_request: (message) => complete(this.#compiler(), message.content),
      inspect_request: (message) => inspect(this.#compiler(), message.content),
      is_complete_request: async (message) => {
        const answer = this.#compiler().isComplete(asString(message.content.code));
        return (await inTime(answer, IS_COMPLETE_MS, { status: "unknown" })) as JsonObject as ReplyContent;
      },
      debug_request: async (message) => (await this.#debugger.request(message.content)) as ReplyContent,
      history_request: (message) => ({ status: "ok", history: this.#history.answer(message.content) }),
      comm_info_request: (message) => ({ status: "ok", comms: this.#comms.info(message.content) }),
      interrupt_request: () => {
        this.interrupt();
        return { status: "ok" };
      },
      connect_request: () => ({
        status: "ok",
        ...Object.fromEntries(Object.entries(sockets.ports).map(([name, port]) => [`${name}_port`, port])),
      }),
      ...subshellHandlers,
      shutdown_request: (message) => ({ status: "ok", restart: message.content.restart === true }),
    };
  }

  /** Says that the kernel starts, and loads TypeScript and the library in the background. */
  start(): void {
    this.#publishStatus("starting", {});
    // A moment for kernel_info, which clients ask for first, before both cores are busy.
    setTimeout(() => {
      this.#compiler();
      this.#runner.start();
    }, 20);
  }

  receive(channel: RequestChannel, message: Message): void {
    const type = message.header.msg_type;
    if (type === "execute_request" && subshellError(message) === undefined) {
      this.#queue.push({ channel, message });
      if (this.#running === undefined && this.#queue.length === 1) void this.#work();
    } else if (type === "input_reply") {
      // Another client has not been asked.
      if (same(message.identities, this.#asked)) this.#runner.answer(asString(message.content.value));
    } else if (type === "comm_open" || type === "comm_msg" || type === "comm_close") {
      this.#comms.receive(message);
    } else {
      void this.#respond(channel, message);
    }
  }

  /** Stops the running cell, or what a widget has set off, if there is anything. */
  interrupt(): void {
    if (this.#running === undefined && !this.#comms.busy) return;
    this.#interrupted = true;
    // It may be writing, and could not hear while nobody reads.
    this.#runner.hold(false);
    this.#runner.interrupt(this.#comms.busy);
    // Most cells are compiled before that, and then stop before they run.
    if (this.#preparing) {
      const running = this.#running;
      setTimeout(() => {
        if (this.#preparing && this.#running === running) this.#compiler().giveUp();
      }, COMPILE_PATIENCE_MS);
    }
  }

  close(): void {
    this.#streams.flush();
    this.#cells?.close();
    this.#runner.close();
  }

  #compiler(): NotebookCells {
    this.#cells ??= new NotebookCells((pid) => this.#runner.tellCompiler(pid));
    return this.#cells;
  }

  async #respond(channel: RequestChannel, message: Message): Promise<void> {
    const type = message.header.msg_type;
    // What is no request has no reply, by which it could be refused.
    if (!type.endsWith("_request")) return;
    const refusal = subshellError(message);
    const handler = Object.hasOwn(this.#handlers, type) ? this.#handlers[type] : undefined;
    this.#publishStatus("busy", message.header);
    let content: ReplyContent;
    try {
      if (refusal !== undefined) throw refusal;
      if (handler === undefined) throw new Error(`This kernel does not know the message type "${type}".`);
      content = await handler(message);
    } catch (error) {
      content = { status: "error", ...errorContent(error) };
    }
    await this.#reply(channel, message, content);
    await this.#publishStatus("idle", message.header);
    // Front ends take the last status for the kernel's: a cell still runs.
    if (this.#running !== undefined && type !== "shutdown_request") this.#publishStatus("busy", this.#running.header);
    if (type === "shutdown_request") this.#exit();
  }

  /** Runs the queue to its end, one cell at a time. */
  async #work(): Promise<void> {
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const { channel, message } = next;
      this.#running = { header: message.header, identities: message.identities };
      this.#latest = message.header;
      this.#interrupted = false;
      this.#publishStatus("busy", message.header);
      let content: ReplyContent;
      let stopOnError = true;
      try {
        const request = readExecuteRequest(message.content);
        stopOnError = request.stopOnError;
        content = await this.#execute(request, this.#running);
      } catch (error) {
        content = { status: "error", execution_count: this.#count, ...errorContent(error) };
      }
      this.#streams.flush();
      let aborted: Queued[] = [];
      if (content.status === "error" && stopOnError) {
        // Requests that are on their way already belong to the same run.
        await new Promise((resolve) => setTimeout(resolve, 0));
        aborted = this.#queue.splice(1);
      }
      await this.#reply(channel, message, content);
      await this.#publishStatus("idle", message.header);
      for (const request of aborted) await this.#abort(request);
      this.#running = undefined;
      this.#queue.shift();
    }
  }

  async #abort({ channel, message }: Queued): Promise<void> {
    this.#publishStatus("busy", message.header);
    await this.#reply(channel, message, { status: "aborted", execution_count: this.#count });
    await this.#publishStatus("idle", message.header);
  }

  async #execute(request: ExecuteRequest, execution: Execution): Promise<ReplyContent> {
    const { code, silent, storeHistory } = request;
    if (storeHistory) this.#count++;
    const count = this.#count;
    const parent = execution.header;
    if (!silent) {
      void this.#sockets.publish({ type: "execute_input", content: { code, execution_count: count }, parent });
    }
    const done = await this.#run(code, silent ? "Cell [*]" : `Cell [${count}]`, request.allowStdin, execution);
    this.#streams.flush();
    const text = done.value?.["text/plain"];
    if (storeHistory) this.#history.add(count, code, typeof text === "string" ? text : null);
    if (done.error !== undefined) {
      if (!silent) void this.#sockets.publish({ type: "error", content: done.error, parent });
      return { status: "error", execution_count: count, ...done.error, user_expressions: {}, payload: [] };
    }
    if (done.value !== undefined && !silent) {
      const content = { execution_count: count, data: done.value, metadata: done.valueMetadata ?? {} };
      void this.#sockets.publish({ type: "execute_result", content, parent });
    }
    const expressions: JsonObject = {};
    for (const [name, source] of Object.entries(request.userExpressions)) {
      const result = await this.#run(source, `Expression "${name}"`, false, execution);
      expressions[name] = result.error
        ? { status: "error", ...result.error }
        : { status: "ok", data: result.value ?? { "text/plain": "undefined" }, metadata: {} };
    }
    return { status: "ok", execution_count: count, payload: done.payload, user_expressions: expressions };
  }

  /** Compiles and runs one piece of source. */
  async #run(source: string, label: string, allowStdin: boolean, execution: Execution): Promise<DoneMessage> {
    const id = ++this.#executionId;
    const failed = (error: ErrorContent): DoneMessage => ({ type: "done", id, error, lost: [], payload: [] });
    if (source.trim() === "") return { type: "done", id, lost: [], payload: [] };
    // There may be none yet; it also watches over what compiles.
    this.#runner.start();
    const prepared = await this.#prepare(source, label);
    if (prepared === undefined) return failed(INTERRUPTED);
    if ("error" in prepared) return failed(prepared.error);
    for (const stream of ["stdout", "stderr"] as const) {
      if (prepared[stream] !== "") this.#streams.add(execution.header, stream, prepared[stream]);
    }
    if (this.#interrupted) return failed(INTERRUPTED);
    this.#executions.set(id, execution);
    await this.#debugger.beforeCell(id, source, prepared.cell);
    const { watchesUncaught } = this.#debugger;
    const done = await this.#runner.execute({ ...command(id, label, prepared, allowStdin), watchesUncaught });
    // The compiler takes questions in order, so nobody waits for this answer; one that has died says so at the next cell.
    this.#compiler()
      .finish(done.lost)
      .catch(() => {});
    return done;
  }

  /** Undefined when it was interrupted. */
  async #prepare(source: string, label: string): Promise<PreparedCell | { error: ErrorContent } | undefined> {
    this.#preparing = true;
    try {
      return await this.#compiler().prepare(source, label);
    } catch (error) {
      if (!this.#interrupted) throw error;
      return undefined;
    } finally {
      this.#preparing = false;
    }
  }

  #fromRunner(message: Exclude<RunnerMessage, DoneMessage | { type: "ready" }>): void {
    this.#streams.flush();
    if (message.type === "handled") {
      this.#comms.handled(message.request);
      return;
    }
    const parent = this.#headerOf(message.cell);
    if (message.type === "clear") {
      void this.#sockets.publish({ type: "clear_output", content: { wait: message.wait }, parent });
    } else if (message.type === "display") {
      const { data, metadata, displayId } = message;
      const transient: JsonObject = displayId === undefined ? {} : { display_id: displayId };
      const type = message.update && displayId !== undefined ? "update_display_data" : "display_data";
      void this.#sockets.publish({ type, content: { data, metadata, transient }, parent });
    } else if (message.type === "comm") {
      this.#comms.fromRunner(message, parent);
    } else {
      this.#asked = this.#executions.get(message.cell)?.identities ?? [];
      const content = { prompt: message.prompt, password: message.password };
      void this.#sockets.send("stdin", this.#asked, { type: "input_request", content, parent });
    }
  }

  #runnerDied(error: ErrorContent, running: boolean): void {
    void this.#cells?.reset();
    this.#comms.lost();
    this.#debugger.lost();
    if (!running) this.#streams.add(this.#latest, "stderr", `${error.evalue}\n`);
    this.#streams.flush();
  }

  #headerOf(cell: number): ParentHeader {
    return this.#executions.get(cell)?.header ?? this.#latest;
  }

  #reply(channel: RequestChannel, message: Message, content: ReplyContent): Promise<void> {
    const type = message.header.msg_type.replace(/_request$/, "_reply");
    return this.#sockets.send(channel, message.identities, { type, content, parent: message.header });
  }

  #publishStatus(state: "starting" | "busy" | "idle", parent: ParentHeader): Promise<void> {
    return this.#sockets.publish({ type: "status", content: { execution_state: state }, parent });
  }
}

function command(id: number, label: string, { cell, timed }: PreparedCell, allowStdin: boolean) {
  const { names: _, ...code } = cell;
  return { type: "execute" as const, id, label, ...code, allowStdin, timed };
}

function same(one: readonly Buffer[], other: readonly Buffer[]): boolean {
  return one.length === other.length && one.every((frame, index) => other[index]?.equals(frame));
}

/** A fault of the kernel itself, told to the client. */
function errorContent(error: unknown): ErrorContent {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  return { ename: name, evalue: message, traceback: (stack ?? message).split("\n") };
}
