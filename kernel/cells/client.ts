/** Asks the compiling thread: one promise a question. */
import { Worker } from "node:worker_threads";
import type { CheckLevel } from "../magics/names.js";
import type { Compilation, Completion } from "./compiler.js";
import type { Known } from "./preloadedNames.js";

export type CellsCall =
  | { method: "compile"; source: string; check: CheckLevel }
  | { method: "finish"; lost: readonly string[] }
  | { method: "complete" | "inspect"; source: string; position: number }
  | { method: "isComplete" | "codeLines"; source: string }
  | { method: "reset" };

export type CellsReply = { id: number; value: unknown } | { id: number; error: string };

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class CellsClient {
  /** Undefined after the thread has ended, until it is needed. */
  #worker: Worker | undefined;
  /** What a new thread has to know of cells that are finished. */
  #known: Known | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;

  constructor() {
    this.#worker = this.#start();
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

  inspect(source: string, position: number): Promise<string | undefined> {
    return this.#ask({ method: "inspect", source, position }) as Promise<string | undefined>;
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

  /** Gives up what is being compiled, in a fresh thread. */
  restart(): void {
    this.close();
    this.#worker = this.#start();
  }

  close(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
    this.#failAll(new Error("The compiling thread was ended."));
  }

  #start(): Worker {
    const worker = new Worker(new URL("./worker.js", import.meta.url), {
      workerData: this.#known,
      // Every cell makes a new program, which the young generation should hold; more than this gained no time.
      resourceLimits: { maxYoungGenerationSizeMb: 32 },
    });
    worker.on("message", (reply: CellsReply) => {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if ("error" in reply) waiting?.reject(new Error(reply.error));
      else waiting?.resolve(reply.value);
    });
    const ended = (error: Error) => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#failAll(error);
    };
    worker.on("error", ended);
    worker.on("exit", () => ended(new Error("The compiling thread ended.")));
    return worker;
  }

  #ask(call: CellsCall): Promise<unknown> {
    const id = ++this.#next;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker ??= this.#start();
      this.#worker.postMessage({ id, call });
    });
  }

  #failAll(error: Error): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}
