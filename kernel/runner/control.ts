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
let askedUntil = 0;

const report = (message: ControlMessage) => parentPort?.postMessage(message);

function interrupt(): void {
  const mine = ++number;
  // Code that wants to be asked gets one interrupt to itself; the next one ends it.
  const mayAsk = Atomics.load(shared, SHARED.listeners) > 0 && askedUntil < mine - 1;
  if (mayAsk) askedUntil = mine;
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
