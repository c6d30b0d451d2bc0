import assert from "node:assert/strict";
import { broadcastStrides } from "../../lib/tensor/backend/kernel.js";
import {
  BINARY_OF_FLOATS,
  BINARY_OF_NUMBERS,
  COMPARISONS,
  LOGIC,
  PREDICATES,
  UNARY_OF_FLOATS,
  UNARY_OF_NUMBERS,
} from "../../lib/tensor/backend/table.js";
import { generator } from "../lib/native/reference/random.js";
import { cuda, onGpu, tensors } from "./device.js";
import { blank, both, dense, type ElementKind, type Elements, random, sizeOf, special } from "./tensorOps.js";

/** Around what divides elements over threads: packs of four, and blocks of 256 threads. */
const SIZES = [1, 3, 4, 1027, 70_003];

/** The CPU's exp has an error of 2e-7, the GPU's functions of up to four last places. */
const FUNCTIONS = 2e-6;
const EXACT: ReadonlySet<string> = new Set(["Floor", "Ceil", "Round", "Sqrt", "Reciprocal"]);

/** Shapes of two operands and of their result: one element, rows, columns, both ways, all of eight axes. */
const BROADCASTS: readonly (readonly number[])[][] = [
  [[], [], []],
  [[1027], [], [1027]],
  [[], [70_003], [70_003]],
  [[301, 257], [257], [301, 257]],
  [
    [301, 1],
    [301, 257],
    [301, 257],
  ],
  [
    [257, 1],
    [1, 263],
    [257, 263],
  ],
  [
    [7, 1, 5, 9],
    [1, 6, 5, 1],
    [7, 6, 5, 9],
  ],
  [
    [2, 1, 2, 3, 1, 2, 2, 3],
    [2, 3, 1, 3, 2, 1, 2, 1],
    [2, 3, 2, 3, 2, 2, 2, 3],
  ],
];

/** Both operands random, or with special values in places that do not agree. */
function operands(kind: ElementKind, [a, b]: readonly (readonly number[])[], seed: number, scale?: number): Elements[] {
  if (kind !== "floats") return [a, b].map((shape, i) => random(kind, sizeOf(shape!), seed + i, scale));
  return [special(sizeOf(a!), seed, scale), special(sizeOf(b!) + 3, seed + 1, scale).slice(3)];
}

function broadcast(op: Parameters<typeof both>[1], kind: ElementKind, to: ElementKind, tolerance: number): void {
  for (const shapes of BROADCASTS) {
    const [a, b] = operands(kind, shapes, 5, op === "Pow" && kind === "integers" ? 12 : undefined);
    const out = shapes[2]!;
    const shape = out.length === 0 ? [1] : out;
    const [stepsA, stepsB] = [0, 1].map((i) => Float64Array.from(broadcastStrides(shapes[i]!, shape)));
    const what = `${kind} ${shapes.slice(0, 2).join(" with ")}`;
    both(what, op, [a!, stepsA!, b!, stepsB!, Float64Array.from(shape), blank(to, sizeOf(shape))], tolerance);
  }
}

onGpu("tensor ops on one operand", () => {
  it("are those of the CPU's table, as all others", () => {
    assert.deepEqual(Object.keys(tensors.device).sort(), Object.keys(tensors.host).sort());
  });

  for (const name of UNARY_OF_FLOATS) {
    it(name, () => {
      for (const size of SIZES) {
        const x = special(size, size);
        both(`${size} floats`, name, [x, blank("floats", size), 0.2], EXACT.has(name) ? 0 : FUNCTIONS);
      }
    });
  }

  for (const name of UNARY_OF_NUMBERS) {
    it(name, () => {
      for (const size of SIZES) {
        both(`${size} floats`, name, [special(size, size), blank("floats", size), -0.5, 0.7]);
        const x = random("integers", size, size, 2 ** 31);
        x[0] = -(2 ** 31);
        both(`${size} integers`, name, [x, blank("integers", size), -5, 1e6]);
      }
    });
  }

  it("predicates and logic", () => {
    for (const size of SIZES) {
      for (const name of PREDICATES) both(`${size}`, name, [special(size, size), blank("bools", size)]);
      both(`${size}`, "LogicalNot", [random("bools", size, size), blank("bools", size)]);
    }
  });

  it("Cast between all types", () => {
    const large = Float32Array.of(3e9, -3e9, 1e20, -1e20, 2147483520, 0.99, -0.99, 2 ** 40 + 2 ** 20);
    for (const size of SIZES) {
      const floats = special(size, size, 1e6);
      floats.set(large.subarray(0, Math.min(size, large.length)));
      for (const x of [floats, random("integers", size, 2, 2 ** 31), random("bools", size, 3)])
        for (const kind of ["floats", "integers", "bools"] as const)
          both(`${size} to ${kind}`, "Cast", [x, blank(kind, size)]);
    }
  });

  it("works in place", () => {
    const [x, elsewhere] = [cuda.upload(special(1027, 1)), cuda.upload(blank("floats", 1027))];
    tensors.device.Relu6(x, elsewhere);
    tensors.device.Relu6(x, x);
    assert.deepEqual(cuda.downloadSync(x), cuda.downloadSync(elsewhere));
  });

  it("refuses what it does not compute with", () => {
    const [floats, bytes] = [cuda.upload(new Float32Array(4)), cuda.upload(new Uint8Array(4))];
    assert.throws(() => tensors.device.Exp(bytes, floats), /x is u8, a type that this op does not compute with/);
    assert.throws(() => tensors.device.Exp(floats, cuda.upload(new Float32Array(3))), /out has 3 elements, expected 4/);
  });
});

onGpu("tensor ops on two operands", () => {
  for (const name of BINARY_OF_FLOATS) it(name, () => broadcast(name, "floats", "floats", FUNCTIONS));
  for (const name of BINARY_OF_NUMBERS) {
    it(name, () => {
      // Where three floats are combined, one of the compilers may join two roundings.
      broadcast(name, "floats", "floats", name === "Pow" || name === "SquaredDifference" ? FUNCTIONS : 0);
      broadcast(name, "integers", "integers", 0);
    });
  }
  it("FloorDiv", () => {
    broadcast("FloorDiv", "floats", "integers", 0);
    broadcast("FloorDiv", "integers", "integers", 0);
  });
  it("comparisons and logic", () => {
    for (const name of COMPARISONS)
      for (const kind of ["floats", "integers", "bools"] as const) broadcast(name, kind, "bools", 0);
    for (const name of LOGIC) broadcast(name, "bools", "bools", 0);
  });

  it("wraps integers around as JavaScript does", () => {
    const a = Int32Array.of(2 ** 31 - 1, -(2 ** 31), 123456789, -7, 7, -7, 5, 0);
    const b = Int32Array.of(2, 3, 987654321, 2, -2, -2, 0, 0);
    const one = dense([8]);
    // A power of this size is no exact double, and the last place is the library's.
    for (const name of [...BINARY_OF_NUMBERS.filter((op) => op !== "Pow"), "FloorDiv"] as const)
      both("edges", name, [a, one, b, one, Float64Array.of(8), blank("integers", 8)]);
  });

  it("adds to an operand in place, goes along columns, and refuses steps that lead outside", () => {
    const [rows, columns] = [37, 65];
    const [x, bias] = [random("floats", rows * columns, 1), random("floats", columns, 2)];
    const buffers = [x, bias].map((values) => cuda.upload(values));
    const shape = Float64Array.of(rows, columns);
    const steps = [dense([rows, columns]), Float64Array.of(0, 1)] as const;
    tensors.device.Add(buffers[0]!, steps[0], buffers[1]!, steps[1], shape, buffers[0]!);
    const expected = x.map((v, i) => v + bias[i % columns]!);
    assert.deepEqual(cuda.downloadSync(buffers[0]!), expected);
    both("by columns", "Sub", [x, Float64Array.of(1, rows), x, steps[0], shape, blank("floats", x.length)]);
    const out = cuda.upload(new Float32Array(4));
    const outside = () => tensors.device.Add(out, Float64Array.of(2), out, Float64Array.of(1), Float64Array.of(4), out);
    assert.throws(outside, /the strides of a leads outside of the operand's 4 elements/);
  });

  it("Select", () => {
    for (const size of SIZES)
      for (const kind of ["floats", "integers", "bools"] as const) {
        const [a, b] = operands(kind, [[size], [size]], size);
        both(`${size} ${kind}`, "Select", [random("bools", size, 9), a!, b!, blank(kind, size)]);
      }
  });

  it("computes random broadcasts", () => {
    const next = generator(11);
    const below = (n: number) => Math.floor(next() * n);
    for (let i = 0; i < 60; i++) {
      const shape = Array.from({ length: 1 + below(6) }, () => 1 + below(7));
      const part = () => shape.slice(below(shape.length + 1)).map((n) => (next() < 0.4 ? 1 : n));
      const shapes = [part(), part()];
      const [a, b] = operands("floats", shapes, i);
      const [stepsA, stepsB] = shapes.map((given) => Float64Array.from(broadcastStrides(given, shape)));
      const args = [a!, stepsA!, b!, stepsB!, Float64Array.from(shape), blank("floats", sizeOf(shape))];
      both(shapes.join(" with "), "Maximum", args);
    }
  });
});
