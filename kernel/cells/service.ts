/** The process in which cells are compiled, so that the protocol answers while TypeScript loads and checks. */
import { setFlagsFromString } from "node:v8";
import { IdleMemory } from "../idleMemory.js";
import { readPreload } from "../preload.js";
import type { CellsCall, CellsReply, CellsRequest } from "./client.js";
import { codeLines } from "./codeLines.js";
import { CellCompiler } from "./compiler.js";
import type { Known } from "./preloadedNames.js";
import type { SharedFiles } from "./sharedFiles.js";

/**
 * How much the heap may grow before its garbage is collected, in per cent of what is alive. Every cell makes a new program;
 * V8's own idea of a good heap for that is three times as large and no faster.
 */
const HEAP_GROWTH = "--heap-growing-percent=50";

/** Rehearsals after the first question, each about as long as a cell takes, and how long after what was done last. */
const REHEARSALS = 8;
const REHEARSE_MS = 60;

/** Answers the parent process until it goes. `shared` may hold much, or nothing yet. */
export function serve(shared: SharedFiles): void {
  setFlagsFromString(HEAP_GROWTH);
  const preload = readPreload();
  const memory = new IdleMemory();
  let compiler: CellCompiler | undefined;
  const compilerWith = (known?: Known) => {
    compiler ??= new CellCompiler(process.cwd(), preload, shared, known);
    return compiler;
  };

  function answer(call: CellsCall): unknown {
    const compiler = compilerWith();
    switch (call.method) {
      case "compile":
        return compiler.compile(call.source, call.check);
      case "finish":
        compiler.finish(call.lost);
        return compiler.known;
      case "complete":
        return compiler.complete(call.source, call.position);
      case "inspect":
        return compiler.inspect(call.source, call.position, call.detailed);
      case "isComplete":
        return compiler.isComplete(call.source);
      case "codeLines":
        return codeLines(call.source);
      case "reset":
        return compiler.reset();
    }
  }

  /** After an error the converter's programs may be half-way through an update; a new one knows what the last did. */
  function renew(): void {
    const known = compiler?.known;
    compiler?.close();
    compiler = undefined;
    if (known !== undefined) compilerWith(known);
  }

  let rehearsals = REHEARSALS;
  let rehearsal: NodeJS.Timeout | undefined;
  /** Not before there is a question: a kernel that nobody uses should stay small. */
  function rehearse(): void {
    clearTimeout(rehearsal);
    if (rehearsals === 0) return;
    rehearsal = setTimeout(() => {
      rehearsals--;
      try {
        compilerWith().rehearse();
      } catch {
        renew();
      }
      memory.touch();
      rehearse();
    }, REHEARSE_MS).unref();
  }

  process.on("message", (request: CellsRequest) => {
    if ("known" in request) {
      compilerWith(request.known);
      return;
    }
    let reply: CellsReply;
    try {
      reply = { id: request.id, value: answer(request.call) };
    } catch (error) {
      reply = { id: request.id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
      renew();
    }
    process.send?.(reply);
    memory.touch();
    rehearse();
  });
  process.on("disconnect", () => process.exit());
  // Ctrl-C in a terminal reaches the whole group; the kernel says what ends.
  process.on("SIGINT", () => {});
  // Not before the cells that wait already: they read what they need themselves.
  setImmediate(() => {
    const isFresh = shared.sources.size === 0;
    compilerWith().warm();
    if (isFresh) compilerWith().read();
    memory.touch();
  });
}
