/** Lets work through in the order in which it came, as much at a time as fits. */

interface Waiting {
  readonly size: number;
  start(): void;
  refuse(error: unknown): void;
}

export class Turns {
  #used = 0;
  #stopped: { readonly error: unknown } | null = null;
  readonly #waiting: Waiting[] = [];
  readonly #running = new Set<Promise<unknown>>();

  /** @param limit what the sizes of the work under way may add up to; larger work runs alone */
  constructor(private readonly limit: number) {}

  /** Runs `work` when its turn has come. */
  async run<T>(size: number, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((start, refuse) => {
      this.#waiting.push({ size, start, refuse });
      this.#admit();
    });
    const running = this.#stopped === null ? work() : Promise.reject(this.#stopped.error);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
      this.#used -= size;
      this.#admit();
    }
  }

  /** Refuses what has not begun, from now on everything, with `error`; resolves when nothing is under way. */
  async stop(error: unknown): Promise<void> {
    this.#stopped ??= { error };
    this.#admit();
    await Promise.allSettled(this.#running);
  }

  #admit(): void {
    for (;;) {
      const next = this.#waiting[0];
      if (next === undefined) return;
      const fits = this.#used === 0 || this.#used + next.size <= this.limit;
      if (this.#stopped === null && !fits) return;
      this.#waiting.shift();
      if (this.#stopped !== null) {
        next.refuse(this.#stopped.error);
        continue;
      }
      this.#used += next.size;
      next.start();
    }
  }
}
