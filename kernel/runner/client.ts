/** The supervisor's end of a runner: starts the process, sends it commands, reads output and messages in order. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { packageRoot } from "../preload.js";
import { runnerEnvironment } from "./environment.js";
import { FrameParser, type StreamName } from "./frames.js";
import { type LongText, MessageReader } from "./messageReader.js";
import type {
  CellId,
  Command,
  CompilerMessage,
  InspectorCommand,
  InspectorMessage,
  RunnerMessage,
} from "./messages.js";
import { FD } from "./messages.js";
import { Pace } from "./pace.js";

export interface RunnerEvents {
  /** Text that a cell wrote. */
  text(cell: CellId, stream: StreamName, text: string): void;
  /** Text that came from native code or a child process. */
  raw(stream: StreamName, text: string): void;
  message(message: RunnerMessage): void;
  inspector(message: InspectorMessage): void;
  exit(end: RunnerEnd): void;
}

export interface RunnerEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** What was wrong with a runner that had to be ended. */
  fault?: string;
  /** Why there never was one. */
  noStart?: string;
}

const RUNNER_PROGRAM = join(packageRoot, "dist/kernel/runner/main.cjs");

/** Node writes this when it ends, of the session by which cells are interrupted. */
const FAREWELL = Buffer.from("Waiting for the debugger to disconnect...\n");

/** How long a runner may live that can no longer speak. */
const MUTE_MS = 500;

/** terminateExecution corrupts the async hook stack by design; with the check on, node would end the process. */
const NODE_FLAGS = ["--no-force-async-hooks-checks", "--disable-warning=ExperimentalWarning"];

export class RunnerClient {
  readonly #process: ChildProcess;
  readonly #events: RunnerEvents;
  readonly #parser: FrameParser;
  readonly #pace = new Pace();
  readonly #messages = new Map<number, RunnerMessage | LongText>();
  readonly #reader = new MessageReader((sequence, message) => this.#messages.set(sequence, message));
  readonly #errorDecoder = new StringDecoder("utf8");
  #open = 4;
  #paused = false;
  #fault: string | undefined;
  /** Node's last words were read, which are nobody's if nothing follows. */
  #farewell = false;
  /** Output is held back until a message whose place is reached has come. */
  #awaitsMessage = false;

  constructor(events: RunnerEvents, cwd: string) {
    this.#events = events;
    const nonce = randomBytes(8).toString("hex");
    this.#process = spawn(process.execPath, [...NODE_FLAGS, RUNNER_PROGRAM], {
      cwd,
      env: runnerEnvironment(nonce),
      stdio: ["ignore", "pipe", "pipe", "pipe", "pipe", "pipe", "pipe", "pipe"],
      // A process group of its own, so that what its cells have started can be ended with it.
      detached: true,
    });
    this.#parser = new FrameParser(nonce, {
      text: (cell, stream, text) => events.text(cell, stream, text),
      raw: (text) => events.raw("stdout", text),
      message: (sequence) => this.#deliver(sequence),
    });
    for (const fd of [FD.commands, FD.interrupts, FD.input]) this.#writable(fd).on("error", () => {});
    const output = this.#readable(1);
    output.on("data", (chunk: Buffer) => {
      this.#awaitsMessage = !this.#parser.push(chunk);
      if (this.#awaitsMessage) output.pause();
      else this.#pace.keep(chunk.length);
    });
    this.#readable(2).on("data", (chunk: Buffer) => this.#nativeError(chunk));
    this.#readable(FD.messages).on("data", (chunk: Buffer) => this.#guarded(() => this.#readMessages(chunk)));
    createInterface(this.#readable(FD.inspector)).on("line", (line) => {
      this.#guarded(() => events.inspector(JSON.parse(line) as InspectorMessage));
    });
    let end: RunnerEnd = { code: null, signal: null };
    const closed = () => {
      if (--this.#open === 0) events.exit(end);
    };
    this.#process.on("error", ({ message }) => {
      end = { ...end, noStart: message };
      closed();
    });
    this.#process.on("exit", (code, signal) => {
      end = { code, signal, ...(this.#fault !== undefined && { fault: this.#fault }) };
      this.resume();
      this.kill();
      // A process that left the group may keep the pipes open; what the runner itself wrote is in them by now.
      setTimeout(() => {
        for (const fd of [1, 2, FD.messages]) this.#readable(fd).destroy();
      }, 200).unref();
      closed();
    });
    for (const fd of [1, 2, FD.messages]) this.#readable(fd).on("close", closed);
    // What it has to say without this descriptor nobody would hear; mostly it has ended, and that will be known soon.
    this.#readable(FD.messages).on("end", () => {
      setTimeout(() => this.#condemn("closed the descriptor of its messages"), MUTE_MS).unref();
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  send(command: Command): void {
    this.#writable(FD.commands).write(`${JSON.stringify(command)}\n`);
  }

  /** Stops the cell with this id, or what runs without one. */
  interrupt(cell: CellId): void {
    this.#writable(FD.interrupts).write(`${cell}\n`);
  }

  inspect(command: InspectorCommand): void {
    this.#writable(FD.interrupts).write(`${JSON.stringify(command)}\n`);
  }

  /** The process that compiles cells, which the runner ends when the supervisor is gone. */
  tellCompiler(pid: number | undefined): void {
    this.#writable(FD.interrupts).write(`${JSON.stringify({ compiler: pid ?? null } satisfies CompilerMessage)}\n`);
  }

  /** Answers a waiting prompt; null ends it as an interrupt. */
  answer(text: string | null): void {
    this.#writable(FD.input).write(`${JSON.stringify(text)}\n`);
  }

  /** Reads no more for now; what writes then waits. */
  pause(): void {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#paused = true;
    for (const fd of [1, 2, FD.messages]) this.#readable(fd).pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    for (const fd of [2, FD.messages]) this.#readable(fd).resume();
    if (!this.#awaitsMessage) this.#readable(1).resume();
  }

  /** Ends the runner and the processes that its cells have started. */
  kill(): void {
    try {
      if (this.pid !== undefined) process.kill(-this.pid, "SIGKILL");
    } catch {
      // All of them have ended.
    }
  }

  #deliver(sequence: number): boolean {
    const message = this.#messages.get(sequence);
    if (message === undefined) return false;
    this.#messages.delete(sequence);
    this.#pace.hurry();
    if (message.type === "text") {
      for (const piece of message.pieces) this.#parser.text(message.cell, message.stream, piece);
      return true;
    }
    // What native code wrote to stderr before this message is in the pipe already.
    this.#drainNativeError();
    if (message.type === "done") {
      this.#parser.end(message.id);
      this.#nativeErrorText(this.#errorDecoder.end());
    }
    this.#events.message(message);
    return true;
  }

  #readMessages(chunk: Buffer): void {
    this.#reader.read(chunk);
    if (!this.#awaitsMessage || !this.#parser.resume()) return;
    this.#awaitsMessage = false;
    if (!this.#paused) this.#readable(1).resume();
  }

  /** Cells can write on any descriptor; what is no message there must not end the kernel. */
  #guarded(read: () => void): void {
    if (this.#fault !== undefined) return;
    try {
      read();
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.#condemn("sent what is no message, perhaps because a cell wrote to its descriptors");
    }
  }

  /** Ends a runner that can no longer be understood. */
  #condemn(fault: string): void {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#fault ??= fault;
    this.kill();
  }

  #nativeError(chunk: Buffer): void {
    const bytes = this.#farewell ? Buffer.concat([FAREWELL, chunk]) : chunk;
    this.#farewell = bytes.subarray(-FAREWELL.length).equals(FAREWELL);
    const text = this.#farewell ? bytes.subarray(0, -FAREWELL.length) : bytes;
    this.#nativeErrorText(this.#errorDecoder.write(text));
  }

  #nativeErrorText(text: string): void {
    if (text !== "") this.#events.raw("stderr", text);
  }

  #drainNativeError(): void {
    const fd = (this.#readable(2) as Readable & { _handle?: { fd: number } })._handle?.fd;
    if (fd === undefined || fd < 0) return;
    const chunk = Buffer.alloc(65_536);
    for (;;) {
      let count = 0;
      try {
        count = readSync(fd, chunk, 0, chunk.length, null);
      } catch {
        return;
      }
      if (count === 0) return;
      this.#nativeError(chunk.subarray(0, count));
    }
  }

  #readable(fd: number): Readable {
    return this.#process.stdio[fd as 1] as Readable;
  }

  #writable(fd: number): Writable {
    return this.#process.stdio[fd as 0] as unknown as Writable;
  }
}
