/** What the proposal behind `using` brings besides the word and Node 20 lacks: cells are checked as if it were there. */
import { define } from "./define.js";

type Step = () => unknown;

/** Two errors in one: what a disposal threw, and what was on its way already. Called with or without `new`. */
function SuppressedError(error: unknown, suppressed: unknown, message?: string): Error {
  const made = Reflect.construct(Error, message === undefined ? [] : [message], new.target ?? SuppressedError) as Error;
  // Enumerable, so that both are shown.
  return Object.assign(made, { error, suppressed });
}
Object.setPrototypeOf(SuppressedError, Error);
SuppressedError.prototype = Object.create(Error.prototype, {
  constructor: { value: SuppressedError, writable: true, configurable: true },
  name: { value: "SuppressedError", writable: true, configurable: true },
  message: { value: "", writable: true, configurable: true },
}) as Error;

/** What is to be done at the end, last first. */
abstract class Stack {
  #steps: Step[] | undefined = [];

  get disposed(): boolean {
    return this.#steps === undefined;
  }

  adopt<T>(value: T, onDispose: (value: T) => unknown): T {
    this.add(onDispose, () => onDispose(value));
    return value;
  }

  defer(onDispose: Step): void {
    this.add(onDispose, onDispose);
  }

  protected add(given: unknown, step: Step): void {
    if (typeof given !== "function")
      throw new TypeError("The value cannot be disposed of: it has no function for that.");
    this.steps().push(step);
  }

  protected steps(): Step[] {
    if (this.#steps === undefined) throw new ReferenceError("The stack is disposed of already.");
    return this.#steps;
  }

  /** Ends the stack. */
  protected take(): Step[] {
    const steps = this.#steps ?? [];
    this.#steps = undefined;
    return steps.reverse();
  }

  protected moveTo<S extends Stack>(other: S): S {
    other.#steps = this.steps();
    this.#steps = undefined;
    return other;
  }
}

class DisposableStack extends Stack {
  use<T extends Disposable | null | undefined>(value: T): T {
    if (value === null || value === undefined) return value;
    const method = value[Symbol.dispose];
    this.add(method, () => method.call(value));
    return value;
  }

  move(): DisposableStack {
    return this.moveTo(new DisposableStack());
  }

  dispose(): void {
    const failure = new Failure();
    for (const step of this.take()) {
      try {
        step();
      } catch (error) {
        failure.add(error);
      }
    }
    failure.report();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

class AsyncDisposableStack extends Stack {
  use<T extends AsyncDisposable | Disposable | null | undefined>(value: T): T {
    if (value === null || value === undefined) return value;
    const { [Symbol.asyncDispose]: later, [Symbol.dispose]: now } = value as Partial<AsyncDisposable & Disposable>;
    const method = later ?? now;
    this.add(method, () => method?.call(value));
    return value;
  }

  move(): AsyncDisposableStack {
    return this.moveTo(new AsyncDisposableStack());
  }

  async disposeAsync(): Promise<void> {
    const failure = new Failure();
    for (const step of this.take()) {
      try {
        await step();
      } catch (error) {
        failure.add(error);
      }
    }
    failure.report();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.disposeAsync();
  }
}

/** What was thrown on the way: the last error, which holds those before it. */
class Failure {
  #thrown: { error: unknown } | undefined;

  add(error: unknown): void {
    const before = this.#thrown;
    this.#thrown = {
      error: before ? SuppressedError(error, before.error, "An error was suppressed during disposal.") : error,
    };
  }

  report(): void {
    if (this.#thrown) throw this.#thrown.error;
  }
}

export function completeDisposables(): void {
  const classes = { SuppressedError, DisposableStack, AsyncDisposableStack };
  for (const [name, value] of Object.entries(classes)) {
    // The bundle may have given it another.
    Object.defineProperty(value, "name", { value: name, configurable: true });
    define(globalThis, name, value);
    if (value !== SuppressedError) define(value.prototype as object, Symbol.toStringTag, name);
  }
  const iterator = prototypeOf(prototypeOf([].values()));
  const asyncIterator = prototypeOf(prototypeOf(prototypeOf((async function* () {})())));
  // One that is left early ends as after `break`.
  define(iterator, Symbol.dispose, function (this: Partial<Iterator<unknown>>) {
    this.return?.();
  });
  define(asyncIterator, Symbol.asyncDispose, async function (this: Partial<AsyncIterator<unknown>>) {
    await this.return?.();
  });
}

function prototypeOf(value: object): object {
  return Object.getPrototypeOf(value) as object;
}
