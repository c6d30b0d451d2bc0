/** Seeded random numbers: the same seed gives the same numbers on every machine. */

/** A stream of random numbers whose state can be saved and put back. */
export interface Random {
  /** Uniform in [0, 1), 32 bits of resolution. */
  next(): number;
  /** Uniform integer in [0, bound). */
  integer(bound: number): number;
  /** Fills with (2 next() - 1) · bound, as many calls of `next` would. */
  fill(values: Float32Array, bound: number): void;
  /** Four 32-bit words: `restore` continues the stream from here. */
  state(): number[];
}

/** sfc32 (Chris Doty-Humphrey, PractRand), seeded through splitmix32. */
export function createRandom(seed: number | readonly number[]): Random {
  let [a, b, c, counter] = typeof seed === "number" ? expand(seed) : (seed as [number, number, number, number]);
  function word(): number {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
  }
  if (typeof seed === "number") for (let i = 0; i < 12; i++) word();
  const next = () => word() / 2 ** 32;
  /** `next` again, on words that stay in registers: an adapter of a large model has tens of millions of values. */
  function fill(values: Float32Array, bound: number): void {
    let [p, q, r, count] = [a, b, c, counter];
    for (let i = 0; i < values.length; i++) {
      const sum = (((p + q) | 0) + count) | 0;
      count = (count + 1) | 0;
      p = q ^ (q >>> 9);
      q = (r + (r << 3)) | 0;
      r = (r << 21) | (r >>> 11);
      r = (r + sum) | 0;
      values[i] = (2 * ((sum >>> 0) / 2 ** 32) - 1) * bound;
    }
    [a, b, c, counter] = [p, q, r, count];
  }
  return { next, integer: (bound) => Math.floor(next() * bound), fill, state: () => [a, b, c, counter] };
}

/** The numbers 0 .. length - 1 in an order that depends on `seed` alone (Fisher-Yates). */
export function permutation(length: number, seed: number): Int32Array {
  const random = createRandom(seed);
  const order = Int32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    const other = order[j]!;
    order[j] = order[i]!;
    order[i] = other;
  }
  return order;
}

function expand(seed: number): [number, number, number, number] {
  let state = seed | 0;
  function split(): number {
    state = (state + 0x9e3779b9) | 0;
    let z = state ^ (state >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    return (z ^ (z >>> 15)) | 0;
  }
  return [split(), split(), split(), 1];
}
