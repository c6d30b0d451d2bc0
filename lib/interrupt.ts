/** Hears a wish to stop: the notebook's interrupt button, or Ctrl-C in a terminal. */

/** What the kernel's runner puts on globalThis. */
interface InterruptHub {
  /** The first interrupt calls `callback` instead of ending the cell; returns how to stop listening. */
  onInterrupt(callback: () => void): () => void;
  /** Aborted when the cell that called is interrupted. */
  signal?(): AbortSignal;
}

export interface InterruptWatch {
  readonly interrupted: boolean;
  /** The notebook's cell was interrupted; if it was ended by force, nothing that it awaited goes on. */
  readonly cellAborted: boolean;
  stop(): void;
}

/**
 * Watches until `stop`. A second interrupt has its usual effect, so that nothing can hold up the user.
 *
 * @param notice said in a terminal at the first Ctrl-C: what will stop, and when
 * @param onInterrupt called at the first interrupt
 */
export function watchInterrupt(notice: string, onInterrupt: () => void = () => undefined): InterruptWatch {
  let interrupted = false;
  const interrupt = () => {
    interrupted = true;
    onInterrupt();
  };
  const hub = (globalThis as Record<symbol, unknown>)[Symbol.for("tunelab.interrupt")] as InterruptHub | undefined;
  const signal = hub?.signal?.();
  let stop: () => void;
  if (hub !== undefined) {
    stop = hub.onInterrupt(interrupt);
  } else {
    const heard = () => {
      console.error(`${notice} Press Ctrl-C again to stop at once.`);
      interrupt();
    };
    process.once("SIGINT", heard);
    stop = () => process.off("SIGINT", heard);
  }
  return {
    get interrupted() {
      return interrupted;
    },
    get cellAborted() {
      return signal?.aborted ?? false;
    },
    stop,
  };
}
