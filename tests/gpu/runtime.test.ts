import assert from "node:assert/strict";
import { f16ToFloat32, float32ToF16 } from "../../lib/formats/halves.js";
import type { DeviceBuffer } from "../../lib/native/addon.js";
import { normal } from "../lib/native/reference/random.js";
import { allowed, close, closeInNorm, cpu, cuda, down, empty, HALVES, note, onGpu, rounded, up } from "./device.js";

onGpu("CUDA runtime", () => {
  it("describes the GPU", () => {
    const probe = cuda.probe();
    assert.ok(probe.available);
    note(
      `${probe.name}, compute ${probe.computeCapability}, driver ${probe.driverVersion}, cuBLASLt ${probe.cublasLt.version}`,
    );
    note(`${probe.cublasLt.path}, memory pools ${probe.memoryPools}`);
  });

  it("moves every element type there and back", async () => {
    const values = normal(1, 3_000_000);
    assert.deepEqual(await cuda.download(cuda.upload(values)), values);
    assert.deepEqual(await cuda.download(cuda.upload(Int32Array.of(1, -2, 3))), Int32Array.of(1, -2, 3));
    assert.deepEqual(cuda.downloadSync(cuda.upload(Uint8Array.of(1, 255))), Uint8Array.of(1, 255));
    assert.deepEqual(cuda.downloadSync(cuda.upload(Uint16Array.of(0x3f80, 0xc000))), Float32Array.of(1, -2));
    assert.deepEqual(rounded(Float32Array.of(1.00390625, 1.01171875, -0)), Float32Array.of(1, 1.015625, -0));
    const bits = Uint16Array.of(0x3c01, 0xfbff, 0x0001, 0x7c00);
    const halves = Float32Array.of(1 + 2 ** -10, -65504, 2 ** -24, Number.POSITIVE_INFINITY);
    assert.deepEqual(down(cuda.upload(bits, { dtype: "f16" })), halves);
    const buffer = empty(6, "f16");
    cuda.write(buffer, bits, 1);
    assert.deepEqual(down(buffer).subarray(1, 5), halves);
  });

  it("rounds to f16 as the host does: subnormal numbers stay, what is too large becomes infinite", () => {
    const values = Float32Array.of(
      2 ** -24,
      2 ** -25,
      1.5 * 2 ** -24,
      2.5 * 2 ** -24,
      2 ** -14 + 2 ** -24,
      65519,
      65520,
      -1e9,
    );
    const more = normal(3, 10_000).map((value, i) => value * 2 ** ((i % 45) - 28));
    for (const numbers of [values, more])
      assert.deepEqual(rounded(numbers, "f16"), f16ToFloat32(float32ToF16(numbers)));
    assert.ok(Number.isNaN(rounded(Float32Array.of(Number.NaN), "f16")[0]));
  });

  it("copies what an array held at the time of the call", async () => {
    const values = normal(2, 100_000);
    const buffers = Array.from({ length: 64 }, () => cuda.upload(values));
    const expected = values.slice();
    values.fill(0);
    for (const buffer of buffers) assert.deepEqual(await cuda.download(buffer), expected);
  });

  it("writes at an offset, fills, copies and converts", () => {
    const buffer = up(new Float32Array(8));
    cuda.write(buffer, Float32Array.of(1, 2), 3);
    assert.deepEqual(down(buffer), Float32Array.of(0, 0, 0, 1, 2, 0, 0, 0));
    const half = empty(8, "bf16");
    cuda.copy(buffer, half);
    cuda.fill(buffer, -1.5);
    assert.deepEqual(down(buffer), new Float32Array(8).fill(-1.5));
    assert.deepEqual(down(half), Float32Array.of(0, 0, 0, 1, 2, 0, 0, 0));
    const other = empty(8, "f16");
    cuda.copy(half, other);
    assert.deepEqual(down(other), down(half));
    cuda.fill(other, 65504);
    assert.deepEqual(down(other), new Float32Array(8).fill(65504));
    assert.throws(() => cuda.write(buffer, new Float32Array(9)), /do not fit/);
  });

  it("accounts memory to its owner", () => {
    const before = cuda.memory();
    const buffer = cuda.createBuffer("bf16", 1 << 20, "weights");
    assert.equal(cuda.memory().owners.weights.inUse - before.owners.weights.inUse, 2 << 20);
    cuda.dispose(buffer);
    assert.equal(cuda.memory().owners.weights.inUse, before.owners.weights.inUse);
    assert.throws(() => cuda.download(buffer), /disposed/);
  });

  it("survives running out of memory", () => {
    const { total } = cuda.memory();
    const held = cuda.createBuffer("f32", 1 << 20, "adapters");
    assert.throws(
      () => cuda.createBuffer("u8", total * 2, "activations"),
      (error: Error) => /is out of memory/.test(error.message) && /adapters: 0\.00 GiB/.test(error.message),
    );
    cuda.fill(held, 2);
    assert.equal(down(held)[12345], 2);
    const third = Math.floor(total / 3);
    const thirds: DeviceBuffer[] = [];
    assert.throws(() => {
      while (thirds.length < 4) thirds.push(cuda.createBuffer("u8", third));
    }, /is out of memory/);
    for (const buffer of [held, ...thirds]) cuda.dispose(buffer);
    // Other processes of these tests need the GPU as well.
    cuda.trim();
  });
});

onGpu("CUDA matrix product", () => {
  for (const [m, n, k] of [
    [64, 96, 128],
    [1, 5, 3],
    [37, 1000, 12],
    [300, 128, 5168],
  ] as const) {
    const a = normal(m, m * k);
    const b = normal(n, k * n);
    const expected = new Float32Array(m * n);

    it(`f32 ${m} x ${n} x ${k}`, () => {
      cpu.matmul(a, b, expected, m, n, k);
      const c = empty(m * n);
      cuda.matmul(up(a), up(b), c, m, n, k);
      close(`matmul f32 ${m} x ${n} x ${k}`, down(c), expected, 3e-6);
    });

    for (const half of HALVES)
      it(`${half} ${m} x ${n} x ${k}, to ${half} and f32, accumulated`, () => {
        cpu.matmul(rounded(a, half), rounded(b, half), expected, m, n, k);
        const c = empty(m * n, half);
        cuda.matmul(up(a, half), up(b, half), c, m, n, k);
        closeInNorm(`matmul ${half} ${m} x ${n} x ${k}`, down(c), expected, allowed(half, 3e-3));
        const base = normal(9, m * n);
        const wide = up(base);
        cuda.matmul(up(a, half), up(b, half), wide, m, n, k, { alpha: 0.5, beta: 1 });
        close(
          `matmul ${half} to f32 ${m} x ${n} x ${k}`,
          down(wide),
          expected.map((v, i) => 0.5 * v + base[i]!),
          3e-6,
        );
      });
  }

  it("f16: infinite where the result does not fit, whatever the sums on the way are", () => {
    // Products of 1,000: the first half of each row sums up to millions, the second takes them away again.
    for (const [m, k] of [
      [64, 8192],
      [5, 1001],
    ] as const) {
      const a = new Float32Array(m * k).map((_, i) => (2 * (i % k) < k - (k % 2) ? 100 : -100));
      const b = new Float32Array(k * m).fill(10);
      const [c, all] = [empty(m * m, "f16"), empty(m * m, "f16")];
      cuda.matmul(up(a, "f16"), up(b, "f16"), c, m, m, k);
      assert.deepEqual(down(c), new Float32Array(m * m).fill(k % 2 ? -1000 : 0));
      cuda.matmul(up(a.map(Math.abs), "f16"), up(b, "f16"), all, m, m, k);
      assert.deepEqual(down(all), new Float32Array(m * m).fill(Number.POSITIVE_INFINITY));
    }
  });

  it("an overflow is seen in the norm of the gradients", () => {
    const [infinite, unknown] = [up(normal(1, 5000)), up(normal(1, 5000))];
    cuda.write(infinite, Float32Array.of(Number.NEGATIVE_INFINITY), 4000);
    cuda.write(unknown, Float32Array.of(Number.NaN), 17);
    assert.equal(cuda.gradNorm([up(normal(2, 300)), infinite]), Number.POSITIVE_INFINITY);
    assert.ok(Number.isNaN(cuda.gradNorm([infinite, unknown])));
  });

  it("transposes", () => {
    const [m, n, k] = [33, 40, 17];
    const a = normal(1, m * k);
    const b = normal(2, k * n);
    const turned = (x: Float32Array, rows: number, columns: number) =>
      x.map((_, i) => x[(i % rows) * columns + Math.floor(i / rows)]!);
    const expected = new Float32Array(m * n);
    cpu.matmul(a, b, expected, m, n, k);
    for (const transposeA of [false, true])
      for (const transposeB of [false, true]) {
        const c = empty(m * n);
        const left = up(transposeA ? turned(a, m, k) : a);
        const right = up(transposeB ? turned(b, k, n) : b);
        cuda.matmul(left, right, c, m, n, k, { transposeA, transposeB });
        close(`matmul transposed ${transposeA} ${transposeB}`, down(c), expected, 3e-6);
      }
  });
});
