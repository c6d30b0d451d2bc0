import assert from "node:assert/strict";
import { ARG_REDUCTIONS, BOOL_REDUCTIONS, SCANS } from "../../lib/tensor/backend/table.js";
import { cuda, onGpu, tensors } from "./device.js";
import { blank, both, type Elements, random, special } from "./tensorOps.js";

/** [outer, length, inner], around what decides how a reduction is divided: threads, warps, blocks, and pieces. */
const LINES: readonly (readonly [number, number, number])[] = [
  [1, 1, 1],
  [5, 16, 1],
  [3, 17, 1],
  [301, 100, 1],
  [2, 1024, 1],
  [3, 1025, 1],
  [1, 8196, 1],
  [2, 40_003, 1],
  [1, 1 << 20, 1],
  [700, 2000, 1],
  [1, 5, 3],
  [4, 32, 33],
  [3, 100, 7],
  [2, 5000, 33],
  [1, 100_001, 2],
  [1, 3, 300_000],
  [1, 33, 1 << 18],
];

/** Sums and products of the CPU are in float32, those of the GPU in double precision. */
const SUMS = 3e-3;

function reduced(
  name: Parameters<typeof both>[1],
  make: (count: number, seed: number) => Elements,
  to: Elements,
  tolerance = 0,
) {
  LINES.forEach(([outer, length, inner], seed) => {
    const x = make(outer * length * inner, seed + 1);
    const kind = to instanceof Float32Array ? "floats" : to instanceof Int32Array ? "integers" : "bools";
    both(`[${outer}, ${length}, ${inner}]`, name, [x, outer, length, inner, blank(kind, outer * inner)], tolerance);
  });
}

const floats = (count: number, seed: number) => random("floats", count, seed);
const integers = (count: number, seed: number) => random("integers", count, seed, 2 ** 31);
/** Few values, so that the largest is there many times. */
const ties = (count: number, seed: number) => random("floats", count, seed).map(Math.round);
const [toFloats, toIntegers, toBools] = [new Float32Array(0), new Int32Array(0), new Uint8Array(0)];

onGpu("tensor reductions", () => {
  it("Sum and Mean", () => {
    for (const name of ["Sum", "Mean"] as const) reduced(name, floats, toFloats, SUMS);
    reduced("Sum", integers, toIntegers);
  });

  it("Sum to the last place, and the same every time", () => {
    for (const [outer, length, inner] of LINES) {
      const x = random("floats", outer * length * inner, length, 1) as Float32Array;
      const buffer = cuda.upload(x);
      const sums = [1, 2].map(() => {
        const out = cuda.createBuffer("f32", outer * inner);
        tensors.device.Sum(buffer, outer, length, inner, out);
        return cuda.downloadSync(out) as Float32Array;
      });
      assert.deepEqual(sums[0], sums[1]);
      const exact = new Float64Array(outer * inner);
      for (let i = 0; i < x.length; i++) exact[Math.floor(i / (length * inner)) * inner + (i % inner)]! += x[i]!;
      for (const [i, sum] of exact.entries()) {
        const error = Math.abs(sums[0]![i]! - sum);
        assert.ok(error <= 2 ** -24 * Math.abs(sum) + 1e-9, `[${outer}, ${length}, ${inner}] at ${i}: ${error}`);
      }
      cuda.dispose(buffer);
    }
  });

  it("Prod", () => {
    reduced("Prod", (count, seed) => random("floats", count, seed, 1e-4).map((v) => 1 + v), toFloats, SUMS);
    reduced("Prod", (count, seed) => random("integers", count, seed, 2).map((v) => v || 1), toIntegers);
  });

  it("Max and Min, with NaN and infinity", () => {
    for (const name of ["Max", "Min"] as const) {
      for (const make of [floats, special, ties]) reduced(name, make, toFloats);
      reduced(name, integers, toIntegers);
    }
  });

  it("ArgMax and ArgMin: the first place, past NaN", () => {
    for (const name of ARG_REDUCTIONS) {
      for (const make of [floats, ties, special, integers]) reduced(name, make, toIntegers);
      const rows = Float32Array.of(Number.NaN, 1, 2, 1, Number.NaN, 2, Number.NaN, Number.NaN, Number.NaN);
      both("NaN", name, [rows, 3, 3, 1, blank("integers", 3)]);
      const infinite = new Float32Array(2000).fill(
        name === "ArgMax" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY,
      );
      both("nothing better", name, [infinite, 1, 2000, 1, blank("integers", 1)]);
    }
  });

  it("All and Any", () => {
    const rarely = (wanted: number) => (count: number) =>
      new Uint8Array(count).fill(1 - wanted).fill(wanted, count - 1);
    for (const name of BOOL_REDUCTIONS) {
      for (const make of [rarely(0), rarely(1), (count: number, seed: number) => random("bools", count, seed)])
        reduced(name, make, toBools);
    }
  });

  it("Softmax", () => {
    for (const [rows, columns] of [
      [1, 1],
      [300, 7],
      [3, 128],
      [5, 129],
      [2, 8193],
      [1, 152_064],
    ] as const) {
      const x = random("floats", rows * columns, columns, 20) as Float32Array;
      x[x.length - 1] = Number.NEGATIVE_INFINITY;
      if (columns > 1) both(`${rows} x ${columns}`, "Softmax", [x, rows, columns, blank("floats", x.length)], 2e-6);
      x[0] = Number.NaN;
      both(`${rows} x ${columns}, NaN`, "Softmax", [x, rows, columns, blank("floats", x.length)], 2e-6);
    }
  });

  it("Cumsum and Cumprod", () => {
    for (const name of SCANS) {
      for (const [outer, length, inner] of [
        [3, 1, 1],
        [2, 255, 1],
        [1, 257, 3],
        [5, 1000, 1],
        [1, 70_003, 1],
        [2, 300, 32],
        [3, 40, 100],
      ] as const) {
        const count = outer * length * inner;
        const near = random("floats", count, length, name === "Cumsum" ? 3 : 0.01).map((v) =>
          name === "Cumsum" ? v : 1 + v,
        );
        const whole = random("integers", count, 2, name === "Cumsum" ? 2 ** 31 : 2).map((v) => v || 1);
        for (const exclusive of [false, true])
          for (const reverse of [false, true]) {
            const what = `[${outer}, ${length}, ${inner}] ${exclusive} ${reverse}`;
            both(what, name, [near, outer, length, inner, exclusive, reverse, blank("floats", count)], 2e-6);
            both(what, name, [whole, outer, length, inner, exclusive, reverse, blank("integers", count)]);
          }
      }
    }
  });
});
