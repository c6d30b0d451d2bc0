/**
 * The comms between front ends and cells: which are open, and whose answer belongs to which request.
 *
 * A front end's message goes to the runner at once, also while a cell runs: behind the running cell, as the order of the
 * shell channel would have it, a Stop button would work when there is nothing left to stop.
 */
import type { Header, JsonObject, Message, ParentHeader } from "../protocol/messages.js";
import { asObject, asString } from "../protocol/messages.js";
import type { Outgoing } from "../protocol/wire.js";
import type { CommCommand, CommEvent, RunnerMessage } from "../runner/messages.js";

interface CommWires {
  publish(message: Outgoing): void;
  status(state: "busy" | "idle", parent: ParentHeader): void;
  forward(command: CommCommand): void;
}

export class Comms {
  readonly #wires: CommWires;
  /** Comm id to target name. */
  readonly #open = new Map<string, string>();
  /** Messages that the runner has not handled yet. */
  readonly #waiting = new Map<number, Header>();
  #requests = 0;

  constructor(wires: CommWires) {
    this.#wires = wires;
  }

  /** Whether the runner still handles a front end's message. */
  get busy(): boolean {
    return this.#waiting.size > 0;
  }

  /** Takes comm_open, comm_msg or comm_close of a front end. */
  receive({ header, content, metadata, buffers }: Message): void {
    this.#wires.status("busy", header);
    const kind = header.msg_type.slice("comm_".length) as CommEvent["kind"];
    const commId = asString(content.comm_id);
    const event: CommEvent = {
      kind,
      commId,
      ...(kind === "open" && { target: asString(content.target_name) }),
      data: asObject(content.data),
      metadata,
      buffers: buffers.map((buffer) => buffer.toString("base64")),
    };
    this.#note(event);
    const request = ++this.#requests;
    this.#waiting.set(request, header);
    this.#wires.forward({ type: "comm", request, event });
  }

  fromRunner(message: RunnerMessage & { type: "comm" }, cell: ParentHeader): void {
    const { kind, commId, target, data, metadata, buffers } = message.event;
    this.#note(message.event);
    this.#wires.publish({
      type: `comm_${kind}`,
      content: { comm_id: commId, ...(target !== undefined && { target_name: target }), data },
      metadata,
      parent: (message.request !== undefined && this.#waiting.get(message.request)) || cell,
      buffers: buffers.map((buffer) => Buffer.from(buffer, "base64")),
    });
  }

  /** Front ends hold their next message back until the last one is done with. */
  handled(request: number): void {
    const header = this.#waiting.get(request);
    if (header === undefined) return;
    this.#waiting.delete(request);
    this.#wires.status("idle", header);
  }

  /** The runner is gone, and the other end of every comm with it. */
  lost(): void {
    for (const commId of this.#open.keys()) {
      this.#wires.publish({ type: "comm_close", content: { comm_id: commId, data: {} }, parent: {} });
    }
    this.#open.clear();
    for (const request of [...this.#waiting.keys()]) this.handled(request);
  }

  /** The `comms` of a comm_info_reply. */
  info(request: JsonObject): JsonObject {
    const wanted = request.target_name;
    const comms: JsonObject = {};
    for (const [commId, target] of this.#open) {
      if (wanted === undefined || wanted === null || wanted === target) comms[commId] = { target_name: target };
    }
    return comms;
  }

  #note({ kind, commId, target }: CommEvent): void {
    if (kind === "open") this.#open.set(commId, target ?? "");
    else if (kind === "close") this.#open.delete(commId);
  }
}
