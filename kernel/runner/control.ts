/** The control thread: hears of interrupts while the main thread computes, and can end what runs there. */
import { Session } from "node:inspector";
import { Socket } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import type { ControlMessage } from "./interrupts.js";
import { SHARED } from "./interrupts.js";
import { FD } from "./messages.js";

/** How long the main thread has to stop by itself. */
const PATIENCE_MS = 30;

const shared = workerData as Int32Array;
const session = new Session();
session.connectToMainThread();
let number = 0;
/** The cell that was asked last, by its number; 0 is none. */
let asked = 0;

const report = (message: ControlMessage) => parentPort?.postMessage(message);

function interrupt(): void {
  const mine = ++number;
  // A cell that wants to be asked gets its first interrupt to itself; the next one ends it.
  const cell = Atomics.load(shared, SHARED.asking);
  const mayAsk = cell !== 0 && cell !== asked;
  if (mayAsk) asked = cell;
  report({ number: mine, terminated: false });
  if (mayAsk) return;
  setTimeout(() => {
    if (Atomics.load(shared, SHARED.seen) >= mine) return;
    session.post("Runtime.terminateExecution", () => report({ number: mine, terminated: true }));
  }, PATIENCE_MS);
}

const socket = new Socket({ fd: FD.interrupts, readable: true, writable: false });
socket.on("data", (data: Buffer) => {
  for (const byte of data) if (byte === 10) interrupt();
});
socket.on("error", () => {});
// The supervisor is gone; the main thread may be too busy to notice.
socket.on("close", () => process.kill(process.pid, "SIGKILL"));
