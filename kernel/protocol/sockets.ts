/** The five ZeroMQ sockets of a kernel: bound, read, written through one queue each, closed. */
import { capability, Reply, Router } from "zeromq";
import { Broadcasts, CLIENT_HIGH_WATER_MARK } from "./broadcasts.js";
import type { Channel, ConnectionInfo } from "./connection.js";
import { address } from "./connection.js";
import { ManualPublisher } from "./manualPublisher.js";
import type { Message } from "./messages.js";
import { register } from "./registration.js";
import type { Outgoing } from "./wire.js";
import { Wire, WireError } from "./wire.js";

export type RequestChannel = "shell" | "control" | "stdin";
export type MessageHandler = (channel: RequestChannel, message: Message) => void;

interface Sender {
  send(frames: Uint8Array[]): Promise<void>;
}

/** A ZeroMQ socket takes one send at a time; a queue keeps order and loses nothing. */
class SendQueue {
  readonly #socket: Sender;
  #tail: Promise<void> = Promise.resolve();

  constructor(socket: Sender) {
    this.#socket = socket;
  }

  push(frames: Uint8Array[]): Promise<void> {
    this.#tail = this.#tail.then(() => this.#socket.send(frames)).catch(() => {});
    return this.#tail;
  }
}

/** With keys, ZeroMQ encrypts everything and lets in only clients that know the public one. */
function securityOf({ curve }: ConnectionInfo): { curveServer?: true; curveSecretKey?: string } {
  if (curve === undefined) return {};
  if (capability.curve !== true) throw new Error("This build of ZeroMQ cannot encrypt: it has no CurveZMQ.");
  return { curveServer: true, curveSecretKey: curve.secretKey };
}

export class KernelSockets {
  /** Where the channels are bound, once they are. */
  readonly ports: ConnectionInfo["ports"];
  readonly #wire: Wire;
  readonly #iopub: ManualPublisher;
  readonly #broadcasts: Broadcasts;
  readonly #routers: Record<RequestChannel, Router>;
  readonly #heartbeat: Reply;
  readonly #queues: Record<RequestChannel, SendQueue>;
  #closed = false;

  constructor(connection: ConnectionInfo) {
    this.ports = { ...connection.ports };
    this.#wire = new Wire(connection);
    const secure = securityOf(connection);
    this.#iopub = new ManualPublisher({ sendHighWaterMark: CLIENT_HIGH_WATER_MARK, linger: 1000, ...secure });
    this.#broadcasts = new Broadcasts(this.#iopub);
    // A client whose connection broke comes back by the same name, before the loss of the old one is noticed.
    const router = () => new Router({ sendHighWaterMark: 0, linger: 1000, handover: true, ...secure });
    this.#routers = { shell: router(), control: router(), stdin: router() };
    this.#heartbeat = new Reply({ linger: 0, ...secure });
    this.#queues = {
      shell: new SendQueue(this.#routers.shell),
      control: new SendQueue(this.#routers.control),
      stdin: new SendQueue(this.#routers.stdin),
    };
  }

  /** Told when broadcasts pile up because a client is slow (true), and when they are sent (false). */
  set onPressure(told: (high: boolean) => void) {
    this.#broadcasts.onPressure = told;
  }

  get session(): string {
    return this.#wire.session;
  }

  /** Binds the channels, and tells the registration service where, if there is one. */
  async bind(connection: ConnectionInfo): Promise<void> {
    const sockets = { iopub: this.#iopub, ...this.#routers, hb: this.#heartbeat };
    await Promise.all(
      (Object.keys(sockets) as Channel[]).map(async (channel) => {
        const socket = sockets[channel];
        await socket.bind(address(connection, channel));
        if (this.ports[channel] === 0) this.ports[channel] = Number(/\d+$/.exec(socket.lastEndpoint ?? ""));
      }),
    );
    await register({ ...connection, ports: this.ports }, this.#wire);
  }

  /** Starts reading; `refused` is told of messages that were malformed or forged. */
  listen(handler: MessageHandler, refused: (error: Error) => void): void {
    for (const channel of ["shell", "control", "stdin"] as const) void this.#read(channel, handler, refused);
    void this.#echo();
    void this.#welcome();
  }

  /** Sends to the client that `identities` names. Resolves when ZeroMQ has taken the message. */
  send(channel: RequestChannel, identities: readonly Uint8Array[], message: Outgoing): Promise<void> {
    return this.#queues[channel].push(this.#wire.encode(identities, message));
  }

  /** Broadcasts on iopub. */
  publish(message: Outgoing, topic = message.type): Promise<void> {
    return this.#broadcasts.push(this.#wire.encode([Buffer.from(topic)], message));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const socket of [this.#iopub, ...Object.values(this.#routers), this.#heartbeat]) socket.close();
  }

  async #read(channel: RequestChannel, handler: MessageHandler, refused: (error: Error) => void): Promise<void> {
    for await (const frames of this.#routers[channel]) {
      let message: Message;
      try {
        message = this.#wire.decode(frames);
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        refused(error);
        continue;
      }
      handler(channel, message);
    }
  }

  async #echo(): Promise<void> {
    for await (const frames of this.#heartbeat) {
      if (!this.#closed) await this.#heartbeat.send(frames).catch(() => {});
    }
  }

  /** Tells each new subscriber that its subscription is in force (JEP 65), before it hears anything else. */
  async #welcome(): Promise<void> {
    for await (const [frame] of this.#iopub) {
      // A client may leave while the kernel does.
      if (this.#closed) return;
      const topic = frame?.subarray(1) ?? Buffer.alloc(0);
      if (frame?.[0] === 0) this.#iopub.unsubscribe(topic);
      if (frame?.[0] !== 1) continue;
      const content = { subscription: topic.toString("utf8") };
      const welcome = this.#wire.encode([topic], { type: "iopub_welcome", content, parent: {} });
      // The next subscription is not read meanwhile: this one's subscriber is whose was read last.
      await this.#broadcasts.push(welcome, () => this.#iopub.subscribe(topic));
    }
  }
}
