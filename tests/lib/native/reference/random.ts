/** Reproducible numbers for the tests (mulberry32). */

export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `count` values, uniform in [-scale, scale) around `center`. */
export function uniform(seed: number, count: number, scale = 1, center = 0): Float32Array {
  const next = generator(seed);
  return Float32Array.from({ length: count }, () => center + (2 * next() - 1) * scale);
}

/** `count` normally distributed values (Box and Muller). */
export function normal(seed: number, count: number, deviation = 1): Float32Array {
  const next = generator(seed);
  return Float32Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()) * deviation,
  );
}
