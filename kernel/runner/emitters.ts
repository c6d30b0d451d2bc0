/**
 * Events belong to cells: what an event that Node fires (of a child process, a worker, a socket, a stream) sets off
 * belongs to the cell that registered the listener, whichever cell runs by then.
 *
 * What is promised: an event that a cell's own code fires is a function call, and belongs to that cell. Bytes that come
 * from below JavaScript (native code, a child process that inherited the standard streams) carry no cell: they belong
 * to the one that runs, or ran last.
 */
import { EventEmitter } from "node:events";
import { currentOwner, runIn } from "./running.js";

type Listener = (this: unknown, ...args: unknown[]) => void;
type Register = (this: EventEmitter, name: string | symbol, listener: Listener) => EventEmitter;

/** Makes listeners remember the cell that registered them. */
export function followListeners(): void {
  const prototype = EventEmitter.prototype as unknown as Record<string, Register>;
  for (const [name, once] of [
    ["on", "once"],
    ["prependListener", "prependOnceListener"],
  ] as const) {
    const register = prototype[name] as Register;
    const registerOnce = prototype[once] as Register;
    define(prototype, name, function (event, listener) {
      return register.call(this, event, bound(listener));
    });
    // Node's own once would register a wrapper that does not know itself under the one made here.
    define(prototype, once, function (event, listener) {
      if (currentOwner() === undefined || typeof listener !== "function") {
        return registerOnce.call(this, event, listener);
      }
      const inCell = bound(listener);
      const single: Listener & { listener?: Listener } = function (...args) {
        emitter.removeListener(event, single);
        inCell.apply(this, args);
      };
      const emitter = this;
      single.listener = listener;
      return register.call(this, event, single);
    });
  }
  define(prototype, "addListener", prototype.on as Register);
}

function bound(listener: Listener): Listener {
  const cell = currentOwner();
  if (cell === undefined || typeof listener !== "function") return listener;
  const inCell: Listener & { listener?: Listener } = function (...args) {
    return runIn(currentOwner() ?? cell, () => listener.apply(this, args));
  };
  // By this, removeListener and listeners() find what was registered.
  inCell.listener = (listener as { listener?: Listener }).listener ?? listener;
  return inCell;
}

function define(prototype: object, name: string, value: Register): void {
  Object.defineProperty(prototype, name, { value, writable: true, configurable: true, enumerable: true });
}
