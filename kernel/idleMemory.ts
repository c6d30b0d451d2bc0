/** Gives back what V8 keeps for garbage to come, once a process has had nothing to do for a while. */
import { Session } from "node:inspector";

/** Longer than people take from one cell to the next: a cell that meets the collection waits for it, and for the cores. */
const IDLE_MS = 4000;
/** Collecting takes about a millisecond for each two megabytes, in which the process answers nothing. */
const LARGEST_HEAP_BYTES = 256 << 20;
/** Less garbage than this is not worth it. */
const WORTHWHILE_BYTES = 8 << 20;

export class IdleMemory {
  readonly #isBusy: () => boolean;
  #timer: NodeJS.Timeout | undefined;
  /** Stays connected: to disconnect it hangs a process that was started from a snapshot. */
  #session: Session | undefined;
  /** The heap after the last collection. */
  #least = 0;

  /** Asked before the process is made to stand still. */
  constructor(isBusy: () => boolean = () => false) {
    this.#isBusy = isBusy;
  }

  /** Says that the process has something to do, or had until now. */
  touch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#collect(), IDLE_MS).unref();
  }

  #collect(): void {
    if (this.#isBusy()) return;
    const { heapTotal } = process.memoryUsage();
    if (heapTotal > LARGEST_HEAP_BYTES || heapTotal < this.#least + WORTHWHILE_BYTES) return;
    if (this.#session === undefined) {
      this.#session = new Session();
      this.#session.connect();
    }
    this.#session.post("HeapProfiler.collectGarbage", () => {
      this.#least = process.memoryUsage().heapTotal;
    });
  }
}
