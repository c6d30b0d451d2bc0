/** Files into the GPU's memory: ranges, order, ends and failures; and the search for values that are not finite. */
import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bf16ToFloat32 } from "../../lib/formats/halves.js";
import type { DeviceBuffer, DeviceType } from "../../lib/native/addon.js";
import { normal } from "../lib/native/reference/random.js";
import { cuda, down, empty, onGpu, up } from "./device.js";

const BYTES = 40_000_003;

onGpu("files on the GPU", () => {
  const folder = mkdtempSync(join(tmpdir(), "tunelab-reader-"));
  const path = join(folder, "file");
  const content = new Uint8Array(BYTES);
  // Every element of every type is finite: no byte is 0x7f or 0xff.
  for (let i = 0; i < BYTES; i++) content[i] = (i * 7919 + (i >> 10)) % 120;
  writeFileSync(path, content);
  after(() => rmSync(folder, { recursive: true }));

  function part(offset: number, length: number): Uint8Array<ArrayBuffer> {
    return content.slice(offset, offset + length);
  }
  /** The values that `length` elements of the file at `offset` stand for. */
  function expected(dtype: DeviceType, offset: number, length: number): Float32Array | Int32Array | Uint8Array {
    if (dtype === "u8") return part(offset, length);
    if (dtype === "i32") return new Int32Array(part(offset, 4 * length).buffer);
    if (dtype === "f32") return new Float32Array(part(offset, 4 * length).buffer);
    return bf16ToFloat32(new Uint16Array(part(offset, 2 * length).buffer));
  }
  function same(
    actual: Float32Array | Int32Array | Uint8Array,
    wanted: Float32Array | Int32Array | Uint8Array,
  ): boolean {
    const bytes = (array: typeof actual) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);
    return Buffer.compare(bytes(actual), bytes(wanted)) === 0;
  }
  /** Buffers of an owner whom no other test has, for theirs may be collected at any time. */
  const owned = (bytes: number) => cuda.createBuffer("u8", bytes, "optimizer");
  const held = () => cuda.memory().owners.optimizer.inUse;

  async function withReader(
    options: Parameters<typeof cuda.createFileReader>[0],
    use: (read: (offset: number, buffer: DeviceBuffer) => Promise<void>) => Promise<void>,
  ): Promise<void> {
    const reader = cuda.createFileReader(options);
    const descriptor = openSync(path, "r");
    try {
      await use((offset, buffer) => cuda.readIntoBuffer(reader, descriptor, offset, buffer));
    } finally {
      closeSync(descriptor);
      cuda.dispose(reader);
    }
  }

  for (const options of [
    undefined,
    // 8 MiB of pinned memory for 40 MB of file.
    { threads: 4, pieceBytes: 1 << 20 },
    { threads: 3, pieceBytes: 4097 },
  ]) {
    it(`reads every type from any place, ${JSON.stringify(options) ?? "as by default"}`, () =>
      withReader(options, async (read) => {
        const ranges = [
          ["u8", 0, BYTES],
          ["u8", 13, 1],
          ["u8", BYTES, 0],
          ["bf16", 8, 5_000_001],
          ["bf16", 24, 5120],
          ["f32", 16, 3_000_003],
          ["i32", 7, 999],
          ["bf16", 1, 10_000_000],
        ] as const;
        const buffers = ranges.map(([dtype, , length]) => cuda.createBuffer(dtype, length));
        await Promise.all(ranges.map(([, offset], i) => read(offset, buffers[i]!)));
        for (const [i, [dtype, offset, length]] of ranges.entries()) {
          assert.ok(same(cuda.downloadSync(buffers[i]!), expected(dtype, offset, length)), `${dtype} at ${offset}`);
          cuda.dispose(buffers[i]!);
        }
      }));
  }

  it("reads after the work that was queued before, and before the work that is queued after", () =>
    withReader({ threads: 3, pieceBytes: 100_000 }, async (read) => {
      const length = 1_000_000;
      const copies: DeviceBuffer[] = [];
      for (let i = 0; i < 20; i++) {
        // Freed memory comes back at once, while the work on it is still queued.
        const busy = cuda.createBuffer("f32", length);
        for (let k = 0; k < 20; k++) cuda.fill(busy, k);
        cuda.dispose(busy);
        const [raw, copy] = [cuda.createBuffer("f32", length), cuda.createBuffer("f32", length)];
        await read(8 * i, raw);
        cuda.copy(raw, copy);
        cuda.fill(raw, Number.NaN);
        cuda.dispose(raw);
        copies.push(copy);
      }
      for (const [i, copy] of copies.entries()) {
        assert.ok(same(down(copy), expected("f32", 8 * i, length)), `read ${i}`);
        cuda.dispose(copy);
      }
    }));

  it("keeps the memory of a buffer that is disposed of while it is read", () =>
    withReader({ threads: 2, pieceBytes: 1 << 16 }, async (read) => {
      const before = held();
      const buffer = owned(BYTES);
      const reading = read(0, buffer);
      cuda.dispose(buffer);
      assert.ok(held() >= before + BYTES);
      await reading;
      assert.equal(held(), before);
    }));

  it("fails where the file ends early or is none, and gives the memory back", async () => {
    const before = held();
    await withReader({ threads: 4, pieceBytes: 1 << 16 }, async (read) => {
      const [long, good] = [owned(300_000), owned(200_000)];
      const failing = assert.rejects(read(BYTES - 200_000, long), /the file ended at byte 40000003 while it was read/);
      await read(BYTES - 200_000, good);
      await failing;
      assert.ok(same(cuda.downloadSync(good), part(BYTES - 200_000, 200_000)));
      cuda.dispose(long);
      cuda.dispose(good);
    });
    const reader = cuda.createFileReader();
    const buffer = owned(10);
    const directory = openSync(folder, "r");
    await assert.rejects(cuda.readIntoBuffer(reader, directory, 0, buffer), /Is a directory/);
    closeSync(directory);
    assert.throws(() => cuda.readIntoBuffer(reader, 1 << 20, 0, buffer), /not open/);
    cuda.dispose(reader);
    assert.throws(() => cuda.readIntoBuffer(reader, 0, 0, buffer), /disposed/);
    cuda.dispose(buffer);
    assert.equal(held(), before);
  });

  it("gives up what it has not read when it is disposed of", async () => {
    const before = held();
    const reader = cuda.createFileReader({ threads: 2, pieceBytes: 4096 });
    const descriptor = openSync(path, "r");
    const buffers = Array.from({ length: 8 }, () => owned(BYTES));
    const reads = buffers.map((buffer) => cuda.readIntoBuffer(reader, descriptor, 0, buffer));
    cuda.dispose(reader);
    closeSync(descriptor);
    const ends = await Promise.allSettled(reads);
    assert.match(String((ends.at(-1) as PromiseRejectedResult).reason), /reading was stopped/);
    for (const buffer of buffers) cuda.dispose(buffer);
    assert.equal(held(), before);
  });

  it("finds the first value that is not finite", () => {
    const found = (values: DeviceBuffer) => {
      const result = cuda.createBuffer("i32", 2);
      cuda.firstNonFinite(values, result);
      const [bits, element] = new Uint32Array(cuda.downloadSync(result).buffer);
      return { value: new Float32Array(Uint32Array.of(bits!).buffer)[0]!, element: element! };
    };
    for (const dtype of ["f32", "bf16"] as const)
      for (const length of [1, 7, 8, 9, 5123, 3_000_001]) {
        const values = normal(length, length, 3e38 / 8);
        assert.equal(found(up(values, dtype)).element, 0xffffffff);
        for (const at of [length - 1, length >> 1, 0]) {
          values[at] = at % 2 === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
          assert.deepEqual(found(up(values, dtype)), { value: values[at], element: at });
        }
      }
    assert.equal(found(empty(0)).element, 0xffffffff);
    assert.throws(
      () => cuda.firstNonFinite(up(Float32Array.of(1)), empty(1, "i32")),
      /found has 1 elements, expected 2/,
    );
  });
});
