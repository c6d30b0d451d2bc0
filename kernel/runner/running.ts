/**
 * Which cell the code that runs now belongs to, also in continuations and timers long after the cell ended.
 *
 * AsyncLocalStorage would do it, but its hooks cost every promise more. So the cell is stamped on promises by V8's own
 * promise hooks, and handed to timers and ticks by wrappers.
 */
import { promiseHooks } from "node:v8";
import type { JsonObject } from "../protocol/messages.js";
import { isForced } from "./force.js";
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
  /** Says how long the cell took so far; for cells that want to know. */
  readWatch?: () => string;
}

type Callback = (...args: unknown[]) => unknown;

let current: RunningCell | undefined;
let outer: (RunningCell | undefined)[] = [];
let foreground: RunningCell | undefined;
let latest: RunningCell | undefined;
let thrower: RunningCell | undefined;

/** The cell that owns the code running now; the latest one for code that belongs to none. */
export function currentCell(): RunningCell | undefined {
  return current ?? latest;
}

/** The cell that owns the code running now; undefined for code that belongs to none. */
export function currentOwner(): RunningCell | undefined {
  return current;
}

/** The cell whose end is being waited for. */
export function foregroundCell(): RunningCell | undefined {
  return foreground;
}

export function setForeground(cell: RunningCell | undefined): void {
  foreground = cell;
  if (cell) latest = cell;
}

export function runIn<T>(cell: RunningCell | undefined, run: () => T): T {
  const before = current;
  current = cell;
  // No catch: to a debugger, what it catches would be caught.
  let ended = false;
  try {
    const value = run();
    ended = true;
    return value;
  } finally {
    if (!ended && before === undefined) thrower = cell;
    current = before;
  }
}

/** The cell whose code an exception has just left that nobody caught. */
export function takeThrower(): RunningCell | undefined {
  const cell = thrower;
  thrower = undefined;
  return cell;
}

/** The cell that made a promise. */
export function ownerOf(promise: Promise<unknown>): RunningCell | undefined {
  return Stamp.read(promise);
}

/** At the top of an event: code that was ended by force did not clear up after itself. */
export function enterEventLoop(): void {
  interruptEnded();
  current = undefined;
  thrower = undefined;
  outer = [];
}

/**
 * At the top of an event: what was ended by force did not clear up after itself, so its cell is still the owner. Its
 * timers must not fire any more: one could block the thread before it is told, and again after the cell has ended.
 */
function interruptEnded(): void {
  if (current !== undefined && isForced()) current.interrupted = true;
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
  if (current?.interrupted) throw new KeyboardInterrupt();
  return value;
}

/** Makes promises, timers and ticks remember their cell. Timers of an interrupted cell do not fire any more. */
export function followCells(): void {
  promiseHooks.createHook({
    init(promise) {
      if (current !== undefined) Stamp.put(promise, current);
    },
    before(promise) {
      outer.push(current);
      current = Stamp.read(promise);
    },
    after() {
      current = outer.pop();
    },
  });
  for (const name of ["setTimeout", "setInterval", "setImmediate", "queueMicrotask"] as const) wrap(globalThis, name);
  wrap(process, "nextTick");
}

function wrap(owner: object, name: string): void {
  const functions = owner as Record<string, Callback>;
  const original = functions[name] as Callback;
  const wrapped: Callback = (callback, ...rest) => {
    const cell = current;
    if (cell === undefined || typeof callback !== "function") return original.call(owner, callback, ...rest);
    const inCell = (...args: unknown[]) => {
      interruptEnded();
      if (!cell.interrupted) runIn(cell, () => (callback as Callback)(...args));
    };
    return original.call(owner, inCell, ...rest);
  };
  Object.defineProperties(wrapped, Object.getOwnPropertyDescriptors(original));
  Object.defineProperty(owner, name, { value: wrapped, writable: true, configurable: true, enumerable: true });
}

class Identity {
  constructor(object: object) {
    // biome-ignore lint/correctness/noConstructorReturn: so that a subclass can put a private field on any object
    return object;
  }
}

/** A private field on a promise: invisible to inspection, and cheaper than a WeakMap. */
class Stamp extends Identity {
  #cell: RunningCell;

  private constructor(promise: object, cell: RunningCell) {
    super(promise);
    this.#cell = cell;
  }

  static put(promise: object, cell: RunningCell): void {
    if (!(#cell in promise)) new Stamp(promise, cell);
  }

  static read(promise: object): RunningCell | undefined {
    return #cell in promise ? promise.#cell : undefined;
  }
}
