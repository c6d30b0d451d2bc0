/** What training does between two steps: hear a wish to stop, and let others work. */
import { type InterruptWatch, watchInterrupt as watch } from "../interrupt.js";

export type { InterruptWatch };

export function watchInterrupt(): InterruptWatch {
  return watch("Stopping after this step.");
}

/** Lets timers, messages and signals through between two steps. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
