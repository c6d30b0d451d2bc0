/** Figures of a part as JSON, written as they come, and numbers as a reader wants them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DeviceMemory } from "../../lib/native/addon.js";

const folder = process.env.TUNELAB_GPU_RESULTS ?? ".";

/** Writes the figures of a part so far, so that what is cut short leaves what it has. */
export function writeResults(name: string, figures: object): void {
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(figures));
}

export const gibibytes = (bytes: number) => bytes / 2 ** 30;

/** GiB at most, of all and of each owner. */
export function peaks(memory: DeviceMemory | null): Record<string, number> | null {
  if (memory === null) return null;
  const owners = Object.entries(memory.owners).map(([owner, { peak }]) => [owner, gibibytes(peak)]);
  return { all: gibibytes(memory.peak), ...Object.fromEntries(owners) };
}

/** Counts seconds from one call to the next. */
export function stopwatch(): () => number {
  let last = performance.now();
  return () => {
    const seconds = (performance.now() - last) / 1000;
    last = performance.now();
    return seconds;
  };
}
