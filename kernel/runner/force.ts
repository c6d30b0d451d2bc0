/**
 * What the main thread and the control thread, which ends by force what runs there, know of each other.
 *
 * Some work must not be ended half-way: half a message would make the rest of the output unreadable, and a cell whose
 * end was not told would run for ever. On that they agree by flags, as each sets its own before it looks at the other's.
 */

export const sharedFlags = new SharedArrayBuffer(20);

/**
 * The last interrupt that the main thread saw; the cell that wants to be asked; whether the main thread does what must
 * not be broken; how many interrupts are on their way to end what it runs; whether one was since it last saw any.
 */
export const SHARED = { seen: 0, asking: 1, unbroken: 2, ending: 3, forced: 4 } as const;

/** How long one look at the other thread's flag lasts. */
const LOOK_MS = 5;

/** As they were before a cell could replace them. */
const { load, store, wait } = Atomics;
const flags = new Int32Array(sharedFlags);

/** Whether code was ended by force, or is about to be, of which the main thread has not been told. */
export function isForced(): boolean {
  return load(flags, SHARED.forced) === 1;
}

/** Does `work`, which is not ended by force: an interrupt comes before it or after it. */
export function unbroken<T>(work: () => T): T {
  if (load(flags, SHARED.unbroken) === 1) return work();
  store(flags, SHARED.unbroken, 1);
  while (load(flags, SHARED.ending) > 0) {
    store(flags, SHARED.unbroken, 0);
    wait(flags, SHARED.ending, load(flags, SHARED.ending), LOOK_MS);
    store(flags, SHARED.unbroken, 1);
  }
  // No catch: to a debugger, what it catches would be caught.
  try {
    return work();
  } finally {
    store(flags, SHARED.unbroken, 0);
  }
}
