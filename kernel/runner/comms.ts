/** Comms of cells: named channels to a front end's own code, opened from either side, with binary buffers. */
import { randomUUID } from "node:crypto";
import type { JsonObject } from "../protocol/messages.js";
import { sendMessage, sendText } from "./channel.js";
import { describeError } from "./errors.js";
import type { CommCommand, CommEvent } from "./messages.js";
import { currentCell, KeyboardInterrupt, runIn } from "./running.js";

export interface CommMessage {
  data: JsonObject;
  metadata: JsonObject;
  buffers: Uint8Array[];
}

export interface CommOptions {
  metadata?: JsonObject;
  buffers?: readonly Uint8Array[];
}

type Handler = (message: CommMessage) => unknown;
type Target = (comm: Comm, message: CommMessage) => unknown;

const open = new Map<string, Comm>();
const targets = new Map<string, Target>();
/** The front end's message that is being handled. */
let answering: number | undefined;

export class Comm {
  readonly id: string;
  readonly target: string;
  readonly #onMessage = new Set<Handler>();
  readonly #onClose = new Set<Handler>();

  constructor(target: string, id: string) {
    this.target = target;
    this.id = id;
    open.set(id, this);
  }

  send(data: JsonObject, options: CommOptions = {}): void {
    if (open.get(this.id) !== this) throw new Error(`The comm "${this.target}" is closed.`);
    post("msg", this, data, options);
  }

  close(data: JsonObject = {}, options: CommOptions = {}): void {
    if (!open.delete(this.id)) return;
    post("close", this, data, options);
  }

  onMessage(handler: Handler): () => void {
    return register(this.#onMessage, handler);
  }

  onClose(handler: Handler): () => void {
    return register(this.#onClose, handler);
  }

  /** Hands a front end's message to the handlers. */
  deliver(kind: CommEvent["kind"], message: CommMessage): void {
    if (kind === "close") open.delete(this.id);
    for (const handler of kind === "close" ? this.#onClose : this.#onMessage) handler(message);
  }
}

/** What cells have as `comms`. */
export const comms = {
  open(target: string, data: JsonObject = {}, options: CommOptions = {}): Comm {
    const comm = new Comm(target, randomUUID().replaceAll("-", ""));
    post("open", comm, data, options);
    return comm;
  },
  /** Calls `handler` when a front end opens a comm of that target. */
  register(target: string, handler: Target): () => void {
    const bound = inItsCell(handler);
    targets.set(target, bound);
    return () => {
      if (targets.get(target) === bound) targets.delete(target);
    };
  },
};

export function receiveComm({ request, event }: CommCommand): void {
  // Before the handlers, which may be ended by force.
  setImmediate(() => sendMessage({ type: "handled", request }));
  const { kind, commId, target = "", data, metadata, buffers } = event;
  const message = { data, metadata, buffers: buffers.map((buffer) => new Uint8Array(Buffer.from(buffer, "base64"))) };
  answering = request;
  try {
    if (kind !== "open") {
      open.get(commId)?.deliver(kind, message);
      return;
    }
    const comm = new Comm(target, commId);
    const handler = targets.get(target);
    // Nobody is here to talk to, and the protocol asks to say so.
    if (handler === undefined) comm.close();
    else handler(comm, message);
  } finally {
    answering = undefined;
  }
}

/**
 * The callback as it is to be called by an event: for the cell that registered it, which gets its output and errors, and
 * without harm to what comes next.
 */
export function inItsCell<Arguments extends unknown[]>(
  callback: (...args: Arguments) => unknown,
): (...args: Arguments) => void {
  const cell = currentCell();
  const report = (thrown: unknown) => {
    if (thrown instanceof KeyboardInterrupt) return;
    sendText(cell?.id ?? 0, "stderr", `Uncaught ${describeError(thrown).traceback.join("\n")}\n`);
  };
  return (...args) =>
    runIn(cell, () => {
      try {
        const result = callback(...args);
        if (result instanceof Promise) result.catch(report);
      } catch (error) {
        report(error);
      }
    });
}

function register(handlers: Set<Handler>, handler: Handler): () => void {
  const bound = inItsCell(handler);
  handlers.add(bound);
  return () => handlers.delete(bound);
}

function post(
  kind: CommEvent["kind"],
  comm: Comm,
  data: JsonObject,
  { metadata = {}, buffers = [] }: CommOptions,
): void {
  sendMessage({
    type: "comm",
    cell: currentCell()?.id ?? 0,
    ...(answering !== undefined && { request: answering }),
    event: {
      kind,
      commId: comm.id,
      ...(kind === "open" && { target: comm.target }),
      data,
      metadata,
      buffers: buffers.map((buffer) => Buffer.from(buffer).toString("base64")),
    },
  });
}
