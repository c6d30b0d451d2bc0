import assert from "node:assert/strict";
import { normal } from "../lib/native/reference/random.js";
import { close, closeInNorm, cpu, cuda, down, empty, note, onGpu, rounded, up } from "./device.js";

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
    assert.throws(() => Array.from({ length: 4 }, () => cuda.createBuffer("u8", third)), /is out of memory/);
    cuda.dispose(held);
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

    it(`bf16 ${m} x ${n} x ${k}, to bf16 and f32, accumulated`, () => {
      cpu.matmul(rounded(a), rounded(b), expected, m, n, k);
      const c = empty(m * n, "bf16");
      cuda.matmul(up(a, "bf16"), up(b, "bf16"), c, m, n, k);
      closeInNorm(`matmul bf16 ${m} x ${n} x ${k}`, down(c), expected, 3e-3);
      const base = normal(9, m * n);
      const wide = up(base);
      cuda.matmul(up(a, "bf16"), up(b, "bf16"), wide, m, n, k, { alpha: 0.5, beta: 1 });
      close(
        `matmul bf16 to f32 ${m} x ${n} x ${k}`,
        down(wide),
        expected.map((v, i) => 0.5 * v + base[i]!),
        3e-6,
      );
    });
  }

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
