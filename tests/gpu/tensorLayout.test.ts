import assert from "node:assert/strict";
import type { DeviceBuffer } from "../../lib/native/addon.js";
import { generator, normal } from "../lib/native/reference/random.js";
import { close, cuda, down, HALVES, onGpu, rounded, tensors, up } from "./device.js";
import { type Argument, blank, both, dense, type ElementKind, random, sizeOf } from "./tensorOps.js";

const KINDS: readonly ElementKind[] = ["floats", "integers", "bools"];

/** A tensor of `shape` with its axes in the order `perm`, into a dense one. */
function transposed(shape: readonly number[], perm: readonly number[], kind: ElementKind): Argument[] {
  const strides = dense(shape);
  const size = sizeOf(shape);
  const outShape = perm.map((axis) => shape[axis]!);
  const steps = Float64Array.from(perm, (axis) => strides[axis]!);
  return [random(kind, size, size), steps, 0, Float64Array.from(outShape), blank(kind, size), dense(outShape), 0];
}

onGpu("tensor copies", () => {
  it("transpose", () => {
    for (const [shape, perm] of [
      [[1], [0]],
      [
        [301, 257],
        [1, 0],
      ],
      [
        [8, 8],
        [1, 0],
      ],
      [
        [9, 70],
        [1, 0],
      ],
      [
        [31, 6, 37],
        [1, 0, 2],
      ],
      [
        [31, 6, 64],
        [1, 0, 2],
      ],
      [
        [5, 33, 65],
        [0, 2, 1],
      ],
      [
        [13, 6, 11, 37],
        [3, 1, 0, 2],
      ],
      [
        [2, 3, 4, 2, 3, 2, 2, 5],
        [7, 5, 3, 1, 6, 4, 2, 0],
      ],
    ] as const) {
      for (const kind of KINDS) both(`${shape} to ${perm}`, "copy", transposed(shape, perm, kind));
    }
  });

  it("regions, backwards, and into the middle", () => {
    const from = [40, 33, 48];
    for (const kind of KINDS) {
      const x = random(kind, sizeOf(from), 1);
      const steps = dense(from);
      for (const [size, begin] of [
        [[20, 33, 48], 10 * 33 * 48],
        [[20, 10, 48], 10 * 33 * 48 + 3 * 48],
        [[20, 10, 32], 10 * 33 * 48 + 3 * 48 + 16],
        [[20, 10, 31], 10 * 33 * 48 + 3 * 48 + 1],
      ] as const) {
        const rest = [Float64Array.from(size), blank(kind, sizeOf(size)), dense(size), 0] as const;
        both(`region ${size} of ${kind}`, "copy", [x, steps, begin, ...rest]);
        // The same region of a larger result: what lies around it stays.
        both(`into ${size} of ${kind}`, "copy", [
          x,
          steps,
          begin,
          rest[0],
          blank(kind, x.length),
          steps,
          5 * 33 * 48 + 8,
        ]);
      }
      const backwards = [
        x,
        steps.map((step) => -step),
        x.length - 1,
        Float64Array.from(from),
        blank(kind, x.length),
        steps,
        0,
      ];
      both(`backwards, ${kind}`, "copy", backwards as Argument[]);
      const repeated = [
        x,
        Float64Array.of(0, 48, 1),
        0,
        Float64Array.of(7, 33, 48),
        blank(kind, 7 * 33 * 48),
        dense([7, 33, 48]),
        0,
      ];
      both(`repeated, ${kind}`, "copy", repeated);
      both(`every third, ${kind}`, "copy", [
        x,
        Float64Array.of(3),
        2,
        Float64Array.of(500),
        blank(kind, 500),
        Float64Array.of(1),
        0,
      ]);
    }
  });

  it("random grids", () => {
    const next = generator(3);
    const below = (n: number) => Math.floor(next() * n);
    for (let i = 0; i < 60; i++) {
      const kind = KINDS[i % 3]!;
      const shape = Array.from({ length: 1 + below(5) }, () => 1 + below(20));
      const whole = shape.map((n) => n + below(3));
      const perm = shape.map((_, axis) => axis).sort(() => next() - 0.5);
      const turned = perm.map((axis) => whole[axis]!);
      const inWhole = dense(turned);
      const steps = Float64Array.from(shape, (_, axis) => inWhole[perm.indexOf(axis)]!);
      const offset = shape.reduce((sum, n, axis) => sum + below(whole[axis]! - n + 1) * steps[axis]!, 0);
      const out = blank(kind, sizeOf(shape));
      const args = [random(kind, sizeOf(whole), i), steps, offset, Float64Array.from(shape), out, dense(shape), 0];
      both(`${shape} in ${turned}`, "copy", args);
    }
  });

  for (const half of HALVES)
    it(`${half}, as it lies`, () => {
      const [rows, columns] = [37, 40];
      const x = normal(1, rows * columns);
      const [from, to] = [up(x, half), cuda.createBuffer(half, x.length)];
      tensors.device.copy(
        from,
        Float64Array.of(1, columns),
        0,
        Float64Array.of(columns, rows),
        to,
        dense([columns, rows]),
        0,
      );
      const expected = rounded(x, half);
      assert.deepEqual(
        down(to),
        expected.map((_, i) => expected[(i % rows) * columns + Math.floor(i / rows)]!),
      );
      const taken = cuda.createBuffer(half, 2 * columns);
      tensors.device.gather(from, 1, 1, rows, columns, cuda.upload(Int32Array.of(36, 0)), taken);
      assert.deepEqual(
        down(taken),
        Float32Array.of(...expected.subarray(36 * columns), ...expected.subarray(0, columns)),
      );
    });

  it("more than 2^31 elements", function () {
    const [rows, columns] = [65_539, 32_771];
    if (cuda.memory().free < 3 * rows * columns) this.skip();
    const [x, y] = [cuda.createBuffer("u8", rows * columns), cuda.createBuffer("u8", rows * columns)];
    cuda.fill(x, 3);
    const last = cuda.upload(Uint8Array.of(5, 7, 9));
    const one = Float64Array.of(1);
    const three = Float64Array.of(3);
    const corner = (buffer: DeviceBuffer, offset: number) => {
      const seen = cuda.createBuffer("u8", 3);
      tensors.device.copy(buffer, one, offset, three, seen, one, 0);
      return [...cuda.downloadSync(seen)];
    };
    tensors.device.copy(last, one, 0, three, x, one, rows * columns - 3);
    assert.deepEqual(corner(x, rows * columns - 3), [5, 7, 9]);
    const turned = Float64Array.of(columns, rows);
    tensors.device.copy(x, Float64Array.of(1, columns), 0, turned, y, dense([columns, rows]), 0);
    assert.deepEqual(corner(y, rows * columns - 3), [3, 3, 9]);
    assert.deepEqual(corner(y, rows * columns - rows - 2), [3, 7, 3]);
    tensors.device.NotEqual(x, one, y, one, Float64Array.of(rows * columns), y);
    assert.deepEqual(corner(y, rows * columns - 3), [1, 1, 0]);
    for (const buffer of [x, y]) cuda.dispose(buffer);
  });
});

onGpu("tensor rows by their indices", () => {
  it("gather", () => {
    for (const [batch, outer, axis, inner] of [
      [1, 1, 301, 1],
      [1, 1, 301, 257],
      [1, 30, 257, 1],
      [3, 2, 50, 6],
      [2, 5, 9, 64],
      [1, 1, 7, 10_000],
    ] as const) {
      for (const kind of KINDS) {
        // Some lead nowhere.
        const indices = random("integers", batch * 90, inner, axis + 2);
        const x = random(kind, batch * outer * axis * inner, axis);
        const what = `[${batch}, ${outer}, ${axis}, ${inner}] of ${kind}`;
        both(what, "gather", [x, batch, outer, axis, inner, indices, blank(kind, batch * outer * 90 * inner)]);
      }
    }
  });

  it("flatIndices", () => {
    for (const lengths of [[7], [5, 6], [3, 2, 4, 5]]) {
      const indices = random("integers", 1000 * lengths.length, lengths.length, 7);
      both(`${lengths}`, "flatIndices", [indices, Float64Array.from(lengths), blank("integers", 1000)]);
    }
  });

  it("segmentSum, in the order of the rows", () => {
    for (const [count, segments, inner] of [
      [1, 1, 1],
      [1000, 3, 1],
      [257, 50, 5],
      [3000, 7, 300],
      [100, 4, 2048],
      [20, 3, 5001],
      [5, 900, 2],
    ] as const) {
      const ids = random("integers", count, inner, segments + 1);
      for (const kind of ["floats", "integers"] as const) {
        const x = random(kind, count * inner, segments);
        both(`${count} into ${segments} of ${inner}`, "segmentSum", [x, ids, inner, blank(kind, segments * inner)]);
      }
    }
  });

  it("OneHot", () => {
    for (const depth of [1, 5, 1000])
      for (const kind of KINDS) {
        const indices = random("integers", 200, depth, depth + 2);
        both(`${depth} ${kind}`, "OneHot", [indices, kind === "bools" ? 1 : 3, 0, blank(kind, 200 * depth)]);
      }
  });
});

onGpu("tensor products", () => {
  it("in batches, transposed, shared", () => {
    for (const [batch, m, n, k] of [
      [1, 37, 65, 17],
      [7, 64, 96, 128],
      [5, 33, 17, 9],
      [3, 1, 5, 1],
      [40, 24, 24, 64],
    ] as const) {
      for (const [transposeA, transposeB] of [
        [false, false],
        [true, false],
        [false, true],
        [true, true],
      ] as const) {
        for (const [sharedA, sharedB] of [
          [false, false],
          [true, false],
          [false, true],
        ] as const) {
          if (batch === 1 && (sharedA || sharedB)) continue;
          const a = random("floats", (sharedA ? 1 : batch) * m * k, m, 1);
          const b = random("floats", (sharedB ? 1 : batch) * k * n, n, 1);
          const what = `${batch} of ${m} x ${n} x ${k} ${[transposeA, transposeB, sharedA, sharedB]}`;
          const flags = [transposeA, transposeB, sharedA, sharedB] as const;
          both(what, "batchMatMul", [a, b, blank("floats", batch * m * n), batch, m, n, k, ...flags], 1e-5);
        }
      }
    }
  });

  for (const half of HALVES)
    it(`of ${half}, with float32 results`, () => {
      const [batch, m, n, k] = [3, 32, 24, 64];
      const [a, b] = [normal(1, batch * m * k), normal(2, batch * k * n)];
      const out = cuda.createBuffer("f32", batch * m * n);
      tensors.device.batchMatMul(up(a, half), up(b, half), out, batch, m, n, k, false, false, false, false);
      const expected = new Float32Array(batch * m * n);
      tensors.host.batchMatMul(
        rounded(a, half),
        rounded(b, half),
        expected,
        batch,
        m,
        n,
        k,
        false,
        false,
        false,
        false,
      );
      close(`tensor product of ${half}, with f32 results`, down(out), expected, 1e-5);
    });
});
