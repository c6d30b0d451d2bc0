/** Keeps one runner alive: starts it, hands it one cell at a time, and turns its death into an answer. */
import { existsSync } from "node:fs";
import type { ErrorContent } from "../protocol/messages.js";
import { RunnerClient, type RunnerEnd, type RunnerEvents } from "../runner/client.js";
import type { CommCommand, DoneMessage, ExecuteCommand, InspectorCommand, RunnerMessage } from "../runner/messages.js";

export interface RunnerHostEvents extends Omit<RunnerEvents, "exit" | "message"> {
  message(message: Exclude<RunnerMessage, DoneMessage | { type: "ready" }>): void;
  /** The runner ended, and every variable with it. `error` says how; `running` whether a cell was running. */
  died(error: ErrorContent, running: boolean): void;
}

/** A runner that dies sooner than this without being asked anything is not started again before it is needed. */
const SHORT_LIFE_MS = 3000;

export class RunnerHost {
  readonly #events: RunnerHostEvents;
  readonly #cwd: string;
  #runner: RunnerClient | undefined;
  #startedAt = 0;
  #done: ((message: DoneMessage) => void) | undefined;
  #runningId = 0;
  #waitsForInput = false;
  #closed = false;
  #compiler: number | undefined;

  constructor(events: RunnerHostEvents, cwd: string) {
    this.#events = events;
    this.#cwd = cwd;
  }

  start(): void {
    if (this.#runner !== undefined || this.#closed) return;
    this.#startedAt = performance.now();
    const runner: RunnerClient = new RunnerClient(
      {
        text: (cell, stream, text) => this.#events.text(cell, stream, text),
        raw: (stream, text) => this.#events.raw(stream, text),
        message: (message) => this.#receive(message),
        inspector: (message) => this.#events.inspector(message),
        exit: (end) => this.#ended(runner, end),
      },
      this.#cwd,
    );
    this.#runner = runner;
    runner.tellCompiler(this.#compiler);
  }

  /** The process that is to end with this one, however that ends. */
  tellCompiler(pid: number | undefined): void {
    this.#compiler = pid;
    this.#runner?.tellCompiler(pid);
  }

  /** Runs a cell; resolves when it has ended, whichever way. */
  execute(command: ExecuteCommand): Promise<DoneMessage> {
    this.start();
    return new Promise((resolve) => {
      this.#done = resolve;
      this.#runningId = command.id;
      this.#runner?.send(command);
    });
  }

  /** Changes when a fresh runner was started. */
  get generation(): number {
    return this.#startedAt;
  }

  inspect(command: InspectorCommand): void {
    this.start();
    this.#runner?.inspect(command);
  }

  /** Hands on what a front end did with a comm, also while a cell runs. */
  comm(command: CommCommand): void {
    this.start();
    this.#runner?.send(command);
  }

  /** Stops the running cell; `always` also when none runs, for what comms have set off. */
  interrupt(always: boolean): void {
    if (this.#waitsForInput) this.answer(null);
    if (this.#done !== undefined || always) this.#runner?.interrupt(this.#done === undefined ? 0 : this.#runningId);
  }

  answer(text: string | null): void {
    if (!this.#waitsForInput) return;
    this.#waitsForInput = false;
    this.#runner?.answer(text);
  }

  /** Stops reading what the runner writes, or goes on. */
  hold(on: boolean): void {
    if (on) this.#runner?.pause();
    else this.#runner?.resume();
  }

  close(): void {
    this.#closed = true;
    this.#runner?.kill();
  }

  #receive(message: RunnerMessage): void {
    if (message.type === "ready") return;
    if (message.type !== "done") {
      if (message.type === "input") this.#waitsForInput = true;
      this.#events.message(message);
      return;
    }
    const done = this.#done;
    this.#done = undefined;
    done?.(message);
  }

  #ended(runner: RunnerClient, { code, signal, fault, noStart }: RunnerEnd): void {
    if (this.#runner !== runner || this.#closed) return;
    this.#runner = undefined;
    this.#waitsForInput = false;
    const error =
      noStart === undefined ? describeEnd(fault ?? howEnded(code, signal)) : describeNoStart(noStart, this.#cwd);
    const done = this.#done;
    this.#done = undefined;
    // What cannot be started is told to the cell that needs it.
    this.#events.died(error, done !== undefined || noStart !== undefined);
    if (noStart !== undefined) {
      done?.({ type: "done", id: this.#runningId, error, lost: [], payload: [] });
      return;
    }
    if (done !== undefined || performance.now() - this.#startedAt > SHORT_LIFE_MS) this.start();
    done?.({ type: "done", id: this.#runningId, error, lost: [], payload: [] });
  }
}

const CRASHES: readonly (string | null)[] = ["SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE"] satisfies NodeJS.Signals[];

function howEnded(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal === "SIGABRT" || code === 134) return "was aborted, most often because memory ran out";
  if (CRASHES.includes(signal)) return `crashed in native code (${signal})`;
  if (signal === "SIGKILL") return "was ended by SIGKILL, as the system does when the machine's memory runs out";
  return signal !== null ? `was ended by ${signal}` : `ended itself with exit code ${code}`;
}

function describeEnd(how: string): ErrorContent {
  return runnerDied(
    `The process that runs the cells ${how}. A fresh one was started; all variables are lost, so run the cells above again.`,
  );
}

function describeNoStart(why: string, cwd: string): ErrorContent {
  return runnerDied(
    existsSync(cwd)
      ? `The process that runs the cells cannot be started (${why}). All variables are lost; run this cell again when that is mended.`
      : `The process that runs the cells cannot be started: its folder ${cwd} is gone. Make the folder again and run this cell, or restart the kernel elsewhere; all variables are lost.`,
  );
}

function runnerDied(evalue: string): ErrorContent {
  return { ename: "RunnerDied", evalue, traceback: [`RunnerDied: ${evalue}`] };
}
