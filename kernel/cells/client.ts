/** Asks the compiling process: one promise a question. */
import { type ChildProcess, spawn } from "node:child_process";
import type { CheckLevel } from "../magics/names.js";
import type { Compilation, Completion } from "./compiler.js";
import type { Inspection } from "./inspection.js";
import type { Known } from "./preloadedNames.js";
import { CELLS_PROGRAM, makeSnapshot, snapshotArguments, snapshotEnvironment } from "./snapshotFile.js";

export type CellsCall =
  | { method: "compile"; source: string; check: CheckLevel }
  | { method: "finish"; lost: readonly string[] }
  | { method: "complete"; source: string; position: number }
  | { method: "inspect"; source: string; position: number; detailed: boolean }
  | { method: "isComplete" | "codeLines"; source: string }
  | { method: "reset" };

/** `known` is what a fresh process has to know of cells that are finished. */
export type CellsRequest = { id: number; call: CellsCall } | { known: Known };

export type CellsReply = { id: number; value: unknown } | { id: number; error: string };

/** A snapshot that is missing is made when the first cells will have run. */
const MAKE_SNAPSHOT_MS = 15_000;

interface Waiting {
  call: CellsCall;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class CellsClient {
  /** Undefined after it has ended, until it is needed. */
  #process: ChildProcess | undefined;
  #known: Known | undefined;
  /** Undefined when there is none, or no process would start from it. */
  #snapshot: readonly string[] | undefined;
  readonly #waiting = new Map<number, Waiting>();
  readonly #tellProcess: (pid: number | undefined) => void;
  #next = 0;

  /**
   * `tellProcess` hears the id of each process as it starts, and undefined when the latest has ended; `snapshot` are
   * Node's arguments for starting the process from one.
   */
  constructor(tellProcess: (pid: number | undefined) => void = () => {}, snapshot = snapshotArguments()) {
    this.#tellProcess = tellProcess;
    this.#snapshot = snapshot;
    // Where the package cannot be written cells compile all the same, later.
    if (snapshot === undefined) setTimeout(() => makeSnapshot().catch(() => {}), MAKE_SNAPSHOT_MS).unref();
    this.#process = this.#start();
  }

  compile(source: string, check: CheckLevel): Promise<Compilation> {
    return this.#ask({ method: "compile", source, check }) as Promise<Compilation>;
  }

  async finish(lost: readonly string[]): Promise<void> {
    this.#known = (await this.#ask({ method: "finish", lost })) as Known;
  }

  complete(source: string, position: number): Promise<Completion> {
    return this.#ask({ method: "complete", source, position }) as Promise<Completion>;
  }

  inspect(source: string, position: number, detailed: boolean): Promise<Inspection | undefined> {
    return this.#ask({ method: "inspect", source, position, detailed }) as Promise<Inspection | undefined>;
  }

  isComplete(source: string): Promise<{ status: string; indent?: string }> {
    return this.#ask({ method: "isComplete", source }) as Promise<{ status: string; indent?: string }>;
  }

  /** The lines, from 1, at which a debugger can stop. */
  codeLines(source: string): Promise<number[]> {
    return this.#ask({ method: "codeLines", source }) as Promise<number[]>;
  }

  reset(): Promise<void> {
    this.#known = undefined;
    return this.#ask({ method: "reset" }) as Promise<void>;
  }

  /** Gives up what is being compiled, in a fresh process. */
  restart(): void {
    this.close();
    this.#process = this.#start();
  }

  close(): void {
    const process = this.#process;
    this.#process = undefined;
    process?.kill("SIGKILL");
    this.#failAll(new Error("The compiling process was ended."));
  }

  #start(): ChildProcess {
    const snapshot = this.#snapshot;
    const started = spawn(process.execPath, snapshot ?? [CELLS_PROGRAM], {
      env: snapshotEnvironment(),
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#tellProcess(started.pid);
    let answers = 0;
    started.on("message", (reply: CellsReply) => {
      answers++;
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if ("error" in reply) waiting?.reject(new Error(reply.error));
      else waiting?.resolve(reply.value);
    });
    const ended = (error: Error) => {
      if (this.#process !== started) return;
      this.#process = undefined;
      this.#tellProcess(undefined);
      if (snapshot === undefined || answers > 0) return this.#failAll(error);
      this.#snapshot = undefined;
      this.#process = this.#start();
      for (const [id, { call }] of this.#waiting) this.#process.send({ id, call } satisfies CellsRequest);
    };
    // A question to a process that has just ended; its end says the rest.
    started.on("error", () => {});
    started.on("exit", () => ended(new Error("The compiling process ended.")));
    if (this.#known !== undefined) started.send({ known: this.#known } satisfies CellsRequest);
    return started;
  }

  #ask(call: CellsCall): Promise<unknown> {
    const id = ++this.#next;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { call, resolve, reject });
      this.#process ??= this.#start();
      this.#process.send({ id, call } satisfies CellsRequest);
    });
  }

  #failAll(error: Error): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}
