/** Which cell the code that runs now belongs to, also in timers and continuations long after the cell ended. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { JsonObject } from "../protocol/messages.js";
import type { CellId } from "./messages.js";

export interface RunningCell {
  readonly id: CellId;
  readonly label: string;
  readonly allowStdin: boolean;
  readonly payload: JsonObject[];
  readonly abort: AbortController;
  readonly interruptListeners: Set<() => void>;
  /** Code of this cell must stop at the next opportunity. */
  interrupted: boolean;
}

const storage = new AsyncLocalStorage<RunningCell>();
let foreground: RunningCell | undefined;
let latest: RunningCell | undefined;

/** The cell that owns the code running now; the latest one for code that belongs to none. */
export function currentCell(): RunningCell | undefined {
  return storage.getStore() ?? latest;
}

/** The cell whose end is being waited for. */
export function foregroundCell(): RunningCell | undefined {
  return foreground;
}

export function setForeground(cell: RunningCell | undefined): void {
  foreground = cell;
  if (cell) latest = cell;
}

export function runIn<T>(cell: RunningCell, run: () => T): T {
  return storage.run(cell, run);
}

/** Thrown into code that was interrupted. */
export class KeyboardInterrupt extends Error {
  override readonly name = "KeyboardInterrupt";
  constructor() {
    super("The cell was interrupted.");
  }
}

/** Passes `value` on, unless the cell that runs now was interrupted. */
export function checkInterrupt<T>(value?: T): T | undefined {
  if (storage.getStore()?.interrupted) throw new KeyboardInterrupt();
  return value;
}

/** Timers of an interrupted cell do not fire any more. */
export function guardTimers(): void {
  for (const name of ["setTimeout", "setInterval", "setImmediate"] as const) {
    const original = globalThis[name] as (callback: (...args: unknown[]) => void, ...rest: unknown[]) => unknown;
    const guarded = (callback: (...args: unknown[]) => void, ...rest: unknown[]) => {
      const cell = storage.getStore();
      if (cell === undefined || typeof callback !== "function") return original(callback, ...rest);
      return original(
        (...args: unknown[]) => {
          if (!cell.interrupted) callback(...args);
        },
        ...rest,
      );
    };
    Object.defineProperties(guarded, Object.getOwnPropertyDescriptors(original));
    Object.defineProperty(globalThis, name, { value: guarded, writable: true, configurable: true, enumerable: true });
  }
}
