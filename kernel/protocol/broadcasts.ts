/**
 * The queue of iopub. A client that reads slowly is waited for, so that it misses nothing, and whoever makes the
 * messages is asked to pause meanwhile; a client that does not read at all is left behind after a while, alone.
 */
import type { XPublisher } from "zeromq";

/** Messages that ZeroMQ holds for one client. Text comes in messages of about 256 KiB at most, so this bounds memory. */
export const CLIENT_HIGH_WATER_MARK = 64;
/** Bytes that wait here before the source is asked to pause, and when it may go on. */
const HIGH_BYTES = 32 << 20;
const LOW_BYTES = 8 << 20;
/** How long everyone waits for a client whose queue is full. */
const PATIENCE_MS = 10_000;
const RETRY_MS = 2;

export class Broadcasts {
  /** Told when too much waits (true), and when it has been sent (false). */
  onPressure: (high: boolean) => void = () => {};
  readonly #socket: XPublisher;
  readonly #patience: number;
  #tail: Promise<void> = Promise.resolve();
  #waiting = 0;
  #high = false;
  #fullSince: number | undefined;
  #drops = false;

  /** The socket must have a high-water mark, and not be bound yet. */
  constructor(socket: XPublisher, patience = PATIENCE_MS) {
    this.#socket = socket;
    this.#patience = patience;
    socket.noDrop = true;
  }

  /** Resolves when ZeroMQ has taken the message, or the socket is closed. Just before it is sent, `first` happens. */
  push(frames: Uint8Array[], first: () => void = () => {}): Promise<void> {
    const bytes = frames.reduce((sum, frame) => sum + frame.length, 0);
    this.#count(bytes);
    this.#tail = this.#tail.then(() => this.#send(frames, first)).then(() => this.#count(-bytes));
    return this.#tail;
  }

  async #send(frames: Uint8Array[], first: () => void): Promise<void> {
    if (!this.#socket.closed) first();
    while (!this.#socket.closed) {
      try {
        await this.#socket.send(frames);
        if (this.#drops) this.#drop(false);
        this.#fullSince = undefined;
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
      }
      this.#fullSince ??= performance.now();
      // Without noDrop ZeroMQ leaves the full queue out, of this message and all others until that client reads again.
      if (performance.now() - this.#fullSince >= this.#patience) this.#drop(true);
      else await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  #drop(on: boolean): void {
    this.#drops = on;
    this.#socket.noDrop = !on;
  }

  #count(bytes: number): void {
    this.#waiting += bytes;
    const high = this.#waiting > (this.#high ? LOW_BYTES : HIGH_BYTES);
    if (high === this.#high) return;
    this.#high = high;
    this.onPressure(high);
  }
}
