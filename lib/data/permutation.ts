/** A seeded random order, the same on every machine. */

/** The numbers 0 .. length - 1 in an order that depends on `seed` alone; without a seed, a new one each time. */
export function permutation(length: number, seed: number | undefined): Uint32Array {
  const random = mulberry32(seed ?? Math.floor(Math.random() * 2 ** 32));
  const order = Uint32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const other = order[j]!;
    order[j] = order[i]!;
    order[i] = other;
  }
  return order;
}

/** Tommy Ettinger's mulberry32: uniform in [0, 1), 32 bits of state. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
