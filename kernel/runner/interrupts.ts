/**
 * Stopping a cell. While the event loop turns, the main thread stops it itself; code that blocks the thread is stopped
 * by the control thread through the inspector. Code that registered with `onInterrupt` is asked first.
 */
import { Worker } from "node:worker_threads";
import { SHARED, sharedFlags } from "./force.js";
import { resumeHookChecks } from "./hookChecks.js";
import type { CellId } from "./messages.js";
import { checkInterrupt, currentCell, enterEventLoop, foregroundCell, type RunningCell } from "./running.js";

export interface ControlMessage {
  /** Counts interrupts. */
  number: number;
  /** The cell that runs for the supervisor; it may not have begun here. */
  cell: CellId;
  /** The control thread has already ended whatever ran. */
  terminated: boolean;
}

let stopForeground: (cell: RunningCell) => void = () => {};
/** What libraries want to be told of code that was ended by force. */
const afterForce = new Set<() => void>();
const shared = new Int32Array(sharedFlags);
let asked: RunningCell | undefined;
let beforehand: CellId = 0;

export function startControlThread(stop: (cell: RunningCell) => void): void {
  stopForeground = stop;
  // It keeps the process alive, also when the supervisor is gone: what is to be ended then is for it to end.
  const worker = new Worker(new URL("./control.js", import.meta.url), {
    workerData: sharedFlags,
    stdout: false,
    env: {},
  });
  worker.on("message", (message: ControlMessage) => onInterrupted(message));
}

/** The main thread's part, in a turn of the event loop. */
function onInterrupted({ number, cell: meant, terminated }: ControlMessage): void {
  enterEventLoop();
  if (terminated) {
    Atomics.store(shared, SHARED.forced, 0);
    resumeHookChecks();
    for (const callback of afterForce) callback();
  }
  const seen = Atomics.load(shared, SHARED.seen);
  Atomics.store(shared, SHARED.seen, Math.max(number, seen));
  const cell = foregroundCell();
  if (cell === undefined) {
    beforehand = meant;
    return;
  }
  // Told again of what has ended another cell.
  if (number <= seen && asked !== cell) return;
  const first = asked !== cell;
  asked = cell;
  if (first) cell.abort.abort();
  if (first && !terminated && cell.interruptListeners.size > 0) {
    for (const listener of cell.interruptListeners) listener();
    return;
  }
  cell.interrupted = true;
  stopForeground(cell);
}

/** Whether the interrupt of a cell came before the cell, because something else blocked the thread. */
export function wasInterrupted(id: CellId): boolean {
  return id === beforehand;
}

/** Tells the control thread the number of the foreground cell if that wants to be asked, else 0. */
export function publishListeners(): void {
  const cell = foregroundCell();
  Atomics.store(shared, SHARED.asking, cell !== undefined && cell.interruptListeners.size > 0 ? numberOf(cell) : 0);
}

const numbers = new WeakMap<RunningCell, number>();
let lastNumber = 0;

function numberOf(cell: RunningCell): number {
  const number = numbers.get(cell) ?? ++lastNumber;
  numbers.set(cell, number);
  return number;
}

/** `globalThis[Symbol.for("tunelab.interrupt")]` */
export const interruptHook = {
  /**
   * Calls `callback` at the first interrupt of the running cell instead of ending its code; a second interrupt ends it.
   * Returns a function that takes the registration back.
   */
  onInterrupt(callback: () => void): () => void {
    const cell = currentCell();
    cell?.interruptListeners.add(callback);
    publishListeners();
    return () => {
      cell?.interruptListeners.delete(callback);
      publishListeners();
    };
  },
  /** Calls `callback` after any code was ended by force, which ran no `finally` of it. */
  onEndedByForce(callback: () => void): void {
    afterForce.add(callback);
  },
  /** Aborted at the first interrupt of the running cell. */
  signal(): AbortSignal {
    return currentCell()?.abort.signal ?? new AbortController().signal;
  },
  /** Throws when the running cell was interrupted. */
  check(): void {
    checkInterrupt();
  },
};
