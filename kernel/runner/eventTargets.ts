/**
 * The web's kind of events, of abort signals, message ports and whatever cells make of EventTarget, belong to cells as
 * those of emitters do: see emitters.ts.
 */
import { currentOwner, runIn } from "./running.js";

type Handler = (this: unknown, ...args: unknown[]) => unknown;
type Listener = Handler | { handleEvent: Handler };
type Register = (this: EventTarget, type: string, listener: unknown, ...options: unknown[]) => void;

/** A target knows a listener by its identity, so each has one stand-in, of the cell that registered it first. */
const standIns = new WeakMap<Listener, Handler>();

export function followTargets(): void {
  const prototype = EventTarget.prototype as unknown as Record<string, Register>;
  const add = prototype.addEventListener as Register;
  const remove = prototype.removeEventListener as Register;
  prototype.addEventListener = function (type, listener, ...options) {
    add.call(this, type, isListener(listener) ? standInFor(listener) : listener, ...options);
  };
  prototype.removeEventListener = function (type, listener, ...options) {
    const standIn = isListener(listener) ? standIns.get(listener) : undefined;
    if (standIn !== undefined) remove.call(this, type, standIn, ...options);
    remove.call(this, type, listener, ...options);
  };
}

function standInFor(listener: Listener): Listener {
  const known = standIns.get(listener);
  const cell = currentOwner();
  if (known !== undefined || cell === undefined) return known ?? listener;
  const standIn: Handler = function (...args) {
    const [handler, self] = typeof listener === "function" ? [listener, this] : [listener.handleEvent, listener];
    return runIn(currentOwner() ?? cell, () => Reflect.apply(handler, self, args));
  };
  standIns.set(listener, standIn);
  return standIn;
}

function isListener(value: unknown): value is Listener {
  return typeof value === "function" || (typeof value === "object" && value !== null && "handleEvent" in value);
}
