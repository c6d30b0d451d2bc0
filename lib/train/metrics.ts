/** Speed figures with transformers' names and rounding. */

export type SpeedMetrics<S extends string> = Record<
  `${S}_runtime` | `${S}_samples_per_second` | `${S}_steps_per_second`,
  number
>;

/** Runtime in seconds to 4 digits after the point, rates to 3. `start` is a time of performance.now(). */
export function speedMetrics<S extends string>(
  split: S,
  { start, samples, steps }: { start: number; samples: number; steps: number },
): SpeedMetrics<S> {
  const seconds = secondsSince(start);
  return {
    [`${split}_runtime`]: rounded(seconds, 4),
    [`${split}_samples_per_second`]: rounded(samples / seconds, 3),
    [`${split}_steps_per_second`]: rounded(steps / seconds, 3),
  } as SpeedMetrics<S>;
}

/** Seconds since a time of performance.now(), never 0. */
export function secondsSince(start: number): number {
  return Math.max((performance.now() - start) / 1000, 1e-9);
}

export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
