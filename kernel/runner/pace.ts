/** Lets a flood of small writes gather before it is read: woken by each of them, reader and writer wait for each other. */

/** A piece of so many bytes was worth reading. */
const LARGE_BYTES = 16_384;
/** What comes sooner than this after the last piece is a flood; and so long is waited for more of it. */
const MOMENT_MS = 0.5;

const sleeper = new Int32Array(new SharedArrayBuffer(4));

export class Pace {
  #latest = Number.NEGATIVE_INFINITY;

  /** Called after a piece of so many bytes was dealt with: sleeps for a moment if they were few, and soon after the last. */
  keep(bytes: number): void {
    const sinceLatest = performance.now() - this.#latest;
    if (bytes < LARGE_BYTES && sinceLatest < MOMENT_MS) Atomics.wait(sleeper, 0, 0, MOMENT_MS);
    this.#latest = performance.now();
  }

  /** This piece brought a message, which somebody may wait for: what follows is read at once. */
  hurry(): void {
    this.#latest = Number.NEGATIVE_INFINITY;
  }
}
