/** The thread in which cells are compiled, so that the protocol answers while TypeScript loads and checks. */
import { parentPort, workerData } from "node:worker_threads";
import { readPreload } from "../preload.js";
import type { CellsCall, CellsReply } from "./client.js";
import { codeLines } from "./codeLines.js";
import { CellCompiler } from "./compiler.js";
import type { Known } from "./preloadedNames.js";
import { saveCodeCache } from "./typescript.js";

/** Saving takes a moment, which the first cells should not wait for. */
const SAVE_DELAY_MS = 5000;

const preload = readPreload();
let compiler = new CellCompiler(process.cwd(), preload, workerData as Known | undefined);
// Not before the cells that wait already: they read what they need themselves.
setImmediate(() => compiler.warm());
setTimeout(saveCodeCache, SAVE_DELAY_MS);

function answer(call: CellsCall): unknown {
  switch (call.method) {
    case "compile":
      return compiler.compile(call.source, call.check);
    case "finish":
      compiler.finish(call.lost);
      return compiler.known;
    case "complete":
      return compiler.complete(call.source, call.position);
    case "inspect":
      return compiler.inspect(call.source, call.position);
    case "isComplete":
      return compiler.isComplete(call.source);
    case "codeLines":
      return codeLines(call.source);
    case "reset":
      return compiler.reset();
  }
}

parentPort?.on("message", ({ id, call }: { id: number; call: CellsCall }) => {
  let reply: CellsReply;
  try {
    reply = { id, value: answer(call) };
  } catch (error) {
    reply = { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    // The converter's watch program may be half-way through an update; a new one knows what the last did.
    const { known } = compiler;
    compiler.close();
    compiler = new CellCompiler(process.cwd(), preload, known);
  }
  parentPort?.postMessage(reply);
});
