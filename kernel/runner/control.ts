/** The control thread: hears of interrupts while the main thread computes, and can end what runs there; hands on
 * what a debugger and the main thread's inspector say to each other. */
import { writeSync } from "node:fs";
import { type InspectorNotification, Session } from "node:inspector";
import { Socket } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import type { JsonObject } from "../protocol/messages.js";
import { SHARED } from "./force.js";
import type { ControlMessage } from "./interrupts.js";
import { type CellId, type CompilerMessage, FD, type InspectorCommand, type InspectorMessage } from "./messages.js";

/** How long the main thread has to stop by itself. */
const PATIENCE_MS = 30;
/** How long until a look whether the main thread has ended what must not be broken. */
const UNBROKEN_MS = 2;

const shared = new Int32Array(workerData as SharedArrayBuffer);
const session = new Session();
session.connectToMainThread();
let number = 0;
/** The cell that was asked last, by its number; 0 is none. */
let asked = 0;
let compiler: number | null = null;

/** Run in the midst of what is to be ended: see hookChecks.ts. */
const SUSPEND_HOOK_CHECKS = 'globalThis[Symbol.for("tunelab.suspendHookChecks")]()';

const report = (message: ControlMessage) => parentPort?.postMessage(message);

function whenBreakable(then: () => void): void {
  if (Atomics.load(shared, SHARED.unbroken) === 0) then();
  else setTimeout(whenBreakable, UNBROKEN_MS, then);
}

function interrupt(running: CellId): void {
  const mine = ++number;
  // A cell that wants to be asked gets its first interrupt to itself; the next one ends it.
  const cell = Atomics.load(shared, SHARED.asking);
  const mayAsk = cell !== 0 && cell !== asked;
  if (mayAsk) asked = cell;
  report({ number: mine, cell: running, terminated: false });
  if (mayAsk) return;
  const terminate = () => {
    if (Atomics.load(shared, SHARED.seen) >= mine) return;
    // From here on the main thread begins nothing that must not be broken.
    Atomics.add(shared, SHARED.ending, 1);
    whenBreakable(() => {
      Atomics.store(shared, SHARED.forced, 1);
      session.post("Runtime.evaluate", { expression: SUSPEND_HOOK_CHECKS, silent: true });
      session.post("Runtime.terminateExecution", () => {
        // It may have been ended between setting its flag and looking at ours.
        Atomics.store(shared, SHARED.unbroken, 0);
        Atomics.sub(shared, SHARED.ending, 1);
        report({ number: mine, cell: running, terminated: true });
        // A storm of ticks goes on after the next event, which need not be this report.
        setTimeout(terminate, PATIENCE_MS);
      });
      // What stands at a breakpoint ends when it goes on.
      session.post("Debugger.resume", () => {});
    });
  };
  setTimeout(() => {
    terminate();
    // Processes that cells have started hear of it as they would in a terminal; the main thread may wait for one.
    process.kill(-process.pid, "SIGINT");
  }, PATIENCE_MS);
}

function receive(message: InspectorCommand | CompilerMessage): void {
  if ("compiler" in message) compiler = message.compiler;
  else inspect(message);
}

function inspect({ id, method, params }: InspectorCommand): void {
  session.post(method, params, (error: Error | null, result?: object) => {
    tell(error ? { id, error: error.message } : { id, result: (result ?? {}) as JsonObject });
  });
}

function tell(message: InspectorMessage): void {
  writeSync(FD.inspector, `${JSON.stringify(message)}\n`);
}

for (const event of ["Debugger.paused", "Debugger.resumed"]) {
  session.on(event, ({ method, params }: InspectorNotification<object>) => {
    tell({ method, params: (params ?? {}) as JsonObject });
  });
}

session.on("Debugger.scriptParsed", ({ method, params: { scriptId, url } }) => {
  if (url.startsWith("cell-") || (url.startsWith("file:") && !url.includes("/node_modules/")))
    tell({ method, params: { scriptId, url } });
});

const socket = new Socket({ fd: FD.interrupts, readable: true, writable: false });
let rest = "";
socket.setEncoding("utf8");
socket.on("data", (text: string) => {
  const lines = (rest + text).split("\n");
  rest = lines.pop() ?? "";
  for (const line of lines) {
    if (/^\d+$/.test(line)) interrupt(Number(line));
    else receive(JSON.parse(line) as InspectorCommand | CompilerMessage);
  }
});
socket.on("error", () => {});
socket.on("close", endWithSupervisor);

/**
 * The supervisor is gone. The main thread may be too busy to notice, and what cells have started would stay; the process
 * that compiles may be as busy. Its id is not another's by now: the system gives none away before the parent was told of
 * the end, and the supervisor passes that on at once.
 */
function endWithSupervisor(): void {
  try {
    if (compiler !== null) process.kill(compiler, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
  process.kill(-process.pid, "SIGKILL");
}
