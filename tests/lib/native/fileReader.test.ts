/** The threads that read files, on the host: what the GPU's ops do besides is in tests/gpu/fileReader.test.ts. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { loadAddon } from "../../../lib/native/addon.js";
import { cpu } from "./reference/addon.js";

const BYTES = 300_017;

describe("native file reader", () => {
  const folder = mkdtempSync(join(tmpdir(), "tunelab-reader-"));
  const path = join(folder, "file");
  const expected = Uint8Array.from({ length: BYTES }, (_, i) => (i * 7919 + (i >> 8)) & 255);
  writeFileSync(path, expected);
  after(() => rmSync(folder, { recursive: true }));

  for (const [threads, pieceBytes] of [
    [1, BYTES * 2],
    [3, 4096],
    [64, 1000],
  ] as const) {
    it(`reads ranges of any size and place with ${threads} threads, ${pieceBytes} bytes at a time`, async () => {
      const reader = cpu.createFileReader({ threads, pieceBytes });
      const descriptor = openSync(path, "r");
      const ranges = [
        [0, BYTES],
        [8, 4096],
        [4095, 1],
        [12_345, 200_001],
        [BYTES, 0],
        [BYTES - 5, 5],
      ] as const;
      const reads = ranges.map(async ([offset, length]) => {
        const bytes = new Uint8Array(length);
        await cpu.readIntoBuffer(reader, descriptor, offset, bytes);
        return bytes;
      });
      closeSync(descriptor);
      (await Promise.all(reads)).forEach((bytes, i) => {
        const [offset, length] = ranges[i]!;
        assert.deepEqual(bytes, expected.slice(offset, offset + length));
      });
      cpu.dispose(reader);
    });
  }

  it("reads into a view of a larger array, and no further", async () => {
    const reader = cpu.createFileReader({ pieceBytes: 16 });
    const descriptor = openSync(path, "r");
    const whole = new Uint8Array(300);
    await cpu.readIntoBuffer(reader, descriptor, 50, whole.subarray(100, 200));
    assert.deepEqual(whole.slice(100, 200), expected.slice(50, 150));
    assert.ok([...whole.slice(0, 100), ...whole.slice(200)].every((byte) => byte === 0));
    closeSync(descriptor);
    cpu.dispose(reader);
  });

  it("fails where the file ends early, and leaves other reads alone", async () => {
    const short = join(folder, "short");
    writeFileSync(short, expected.slice(0, 9000));
    const reader = cpu.createFileReader({ threads: 2, pieceBytes: 1000 });
    const descriptor = openSync(short, "r+");
    const bad = cpu.readIntoBuffer(reader, descriptor, 100, new Uint8Array(9000));
    const good = cpu.readIntoBuffer(reader, descriptor, 100, new Uint8Array(8900));
    await assert.rejects(bad, {
      message: "the file ended at byte 9000 while it was read; expected 9100 bytes.",
    });
    await good;
    // Whichever piece is looked at first, one that lies behind the end included.
    await assert.rejects(cpu.readIntoBuffer(reader, descriptor, 9050, new Uint8Array(50)), /ended at byte 9000 /);
    ftruncateSync(descriptor, 50);
    await assert.rejects(
      cpu.readIntoBuffer(reader, descriptor, 0, new Uint8Array(60)),
      /ended at byte 50 .* expected 60/,
    );
    closeSync(descriptor);
    cpu.dispose(reader);
  });

  it("fails with the system's reason where a file cannot be read", async () => {
    const reader = cpu.createFileReader();
    const descriptor = openSync(folder, "r");
    await assert.rejects(cpu.readIntoBuffer(reader, descriptor, 0, new Uint8Array(1)), /Is a directory/);
    closeSync(descriptor);
    assert.throws(() => cpu.readIntoBuffer(reader, 1 << 20, 0, new Uint8Array(1)), /not open: Bad file descriptor/);
    cpu.dispose(reader);
  });

  it("gives up what it has not read when it is disposed of", async () => {
    const reader = cpu.createFileReader({ threads: 1, pieceBytes: 16 });
    const descriptor = openSync(path, "r");
    const reads = Array.from({ length: 20 }, () => cpu.readIntoBuffer(reader, descriptor, 0, new Uint8Array(BYTES)));
    cpu.dispose(reader);
    closeSync(descriptor);
    const ends = await Promise.allSettled(reads);
    const last = ends.at(-1)!;
    assert.ok(last.status === "rejected" && /reading was stopped/.test(String(last.reason)));
    assert.throws(() => cpu.readIntoBuffer(reader, 0, 0, new Uint8Array(1)), /disposed/);
  });

  it("keeps a process alive for its reads alone", () => {
    const script = `
      const { addon } = (await import("./lib/native/addon.ts")).loadAddon();
      const { openSync } = await import("node:fs");
      const reader = addon.cpu.createFileReader();
      addon.cpu.readIntoBuffer(reader, openSync(${JSON.stringify(path)}, "r"), 0, new Uint8Array(9))
        .then(() => console.log("read"));`;
    const args = ["--import", "tsx", "--input-type=module", "-e", script];
    assert.equal(execFileSync(process.execPath, args, { encoding: "utf8" }), "read\n");
  });

  it("ends with a worker that ends while it reads", async () => {
    const loaded = loadAddon();
    const script = `
      const { cpu } = require(${JSON.stringify(loaded.addon === undefined ? "" : loaded.file)});
      const descriptor = require("node:fs").openSync(${JSON.stringify(path)}, "r");
      const reader = cpu.createFileReader({ threads: 3, pieceBytes: 16 });
      for (let i = 0; i < 20; i++) cpu.readIntoBuffer(reader, descriptor, 0, new Uint8Array(${BYTES}));
      setTimeout(() => process.exit(4), 5);`;
    const worker = new Worker(script, { eval: true });
    const code = await new Promise((resolve) => worker.on("exit", resolve));
    assert.equal(code, 4);
  });

  it("refuses senseless arguments", () => {
    for (const options of [{ threads: 0 }, { threads: 65 }, { pieceBytes: 0 }])
      assert.throws(() => cpu.createFileReader(options), /must be an integer from 1 to/);
    const reader = cpu.createFileReader({ threads: 1 });
    assert.throws(() => cpu.readIntoBuffer(reader, -1, 0, new Uint8Array(1)), /descriptor must be/);
    assert.throws(() => cpu.readIntoBuffer(reader, 0, -1, new Uint8Array(1)), /offset must be/);
    assert.throws(() => cpu.readIntoBuffer(reader, 0, 0, [1] as never), /buffer must be a Uint8Array/);
    assert.throws(() => cpu.readIntoBuffer({} as never, 0, 0, new Uint8Array(1)), /handle of a file reader/);
    cpu.dispose(reader);
  });
});
