/** A seeded random order, the same on every machine. */
import { createRandom } from "../random.js";

/** The numbers 0 .. length - 1 in an order that depends on `seed` alone; without a seed, a new one each time. */
export function permutation(length: number, seed: number | undefined): Uint32Array {
  const random = createRandom(seed ?? Math.floor(Math.random() * 2 ** 32));
  const order = Uint32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    const other = order[j]!;
    order[j] = order[i]!;
    order[i] = other;
  }
  return order;
}
