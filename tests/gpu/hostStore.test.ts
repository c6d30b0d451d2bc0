/** Values that wait in pinned host memory: copies beside the computation, in the right order whatever is disposed of when. */
import assert from "node:assert/strict";
import { normal } from "../lib/native/reference/random.js";
import { cuda, down, empty, note, onGpu, up } from "./device.js";

const SLOTS = 12;
const LENGTH = 1 << 21;

onGpu("CUDA host store", () => {
  it("gives back what was written, though its buffers were disposed of and their memory used at once", () => {
    const store = cuda.createHostStore(SLOTS, 4 * LENGTH);
    const busy = empty(1024 * 1024);
    const product = cuda.createBuffer("f32", 1024 * 1024);
    for (let round = 0; round < 3; round++) {
      for (let slot = 0; slot < SLOTS; slot++) {
        const buffer = cuda.createBuffer("f32", LENGTH);
        cuda.fill(buffer, 100 * round + slot);
        // The copy has to wait for this work, and the next buffer's memory for the copy.
        cuda.matmul(busy, busy, product, 1024, 1024, 1024);
        cuda.hostStoreWrite(store, slot, buffer);
        cuda.dispose(buffer);
        cuda.matmul(busy, busy, product, 1024, 1024, 1024);
        cuda.hostStoreJoin(store, slot);
      }
      for (let slot = SLOTS - 1; slot >= 0; slot--) {
        const buffer = empty(LENGTH);
        cuda.hostStoreRead(store, slot, buffer);
        cuda.matmul(busy, busy, product, 1024, 1024, 1024);
        cuda.hostStoreJoin(store, slot);
        const read = down(buffer);
        assert.ok(
          read.every((value) => value === 100 * round + slot),
          `round ${round}, slot ${slot}: ${read[0]}`,
        );
        cuda.dispose(buffer);
      }
    }
    const before = cuda.memory();
    assert.ok(before.host >= SLOTS * 4 * LENGTH);
    cuda.dispose(store);
    assert.equal(before.host - cuda.memory().host, SLOTS * 4 * LENGTH);
  });

  it("lets go of buffers when it is disposed of in the middle of copies", () => {
    const store = cuda.createHostStore(2, 4 * LENGTH);
    const [out, back] = [empty(LENGTH), empty(LENGTH)];
    cuda.hostStoreWrite(store, 0, out);
    cuda.hostStoreRead(store, 0, back);
    cuda.hostStoreWrite(store, 1, out);
    const { inUse } = cuda.memory();
    cuda.dispose(out);
    cuda.dispose(back);
    cuda.dispose(store);
    // Buffers of earlier tests may be collected meanwhile.
    assert.ok(cuda.memory().inUse <= inUse - 8 * LENGTH);
  });

  it("refuses what does not fit a slot, and reads of what was not written", () => {
    const store = cuda.createHostStore(2, 1024);
    assert.throws(() => cuda.hostStoreWrite(store, 0, empty(257)), /has 1028 bytes, a slot of the store 1024/);
    assert.throws(() => cuda.hostStoreWrite(store, 2, empty(4)), /slot/);
    assert.throws(() => cuda.hostStoreRead(store, 1, empty(4)), /16 bytes, slot 1 of the store holds 0/);
    cuda.dispose(store);
  });

  it("copies beside the computation", () => {
    const [side, length] = [4096, 1 << 25];
    const [a, c] = [cuda.createBuffer("bf16", side * side), cuda.createBuffer("bf16", side * side)];
    cuda.fill(a, 0.01);
    const buffer = cuda.createBuffer("bf16", length);
    cuda.fill(buffer, 1);
    const store = cuda.createHostStore(1, 2 * length);
    const compute = () => {
      for (let i = 0; i < 40; i++) cuda.matmul(a, a, c, side, side, side);
    };
    const copy = () => cuda.hostStoreWrite(store, 0, buffer);
    const time = (body: () => void) => {
      cuda.synchronize();
      const started = performance.now();
      body();
      cuda.hostStoreJoin(store, 0);
      cuda.synchronize();
      return performance.now() - started;
    };
    const both = () => {
      copy();
      compute();
    };
    for (const body of [copy, compute, both]) time(body);
    const [alone, product, together] = [copy, compute, both].map((body) =>
      Math.min(...[1, 2, 3].map(() => time(body))),
    );
    note(
      `64 MiB to the host: ${alone!.toFixed(2)} ms, products ${product!.toFixed(2)} ms, together ${together!.toFixed(2)} ms`,
    );
    for (const handle of [a, c, buffer, store]) cuda.dispose(handle);
  });
});

onGpu("CUDA host buffers", () => {
  it("are read by ops over the bus, and downloaded in parts", async () => {
    const [rows, width] = [200, 96];
    const table = normal(9, rows * width);
    for (const dtype of ["f32", "bf16"] as const) {
      const onDevice = up(table, dtype);
      const onHost = cuda.createHostBuffer(dtype, table.length);
      cuda.copy(onDevice, onHost);
      const { host } = cuda.memory();
      assert.ok(host >= table.length * (dtype === "f32" ? 4 : 2));
      const ids = Int32Array.of(5, 199, 0, 5);
      const gathered = [onDevice, onHost].map((values) => {
        const weight = { kind: "dense", values } as const;
        const linear = cuda.createLinear({ inFeatures: width, outFeatures: rows, weight, bias: null, lora: null });
        const y = empty(ids.length * width, dtype);
        cuda.embedding(linear, ids, y);
        cuda.dispose(linear);
        return down(y);
      });
      assert.deepEqual(gathered[1], gathered[0]);
      assert.deepEqual(down(onHost), down(onDevice));
      assert.deepEqual(await cuda.download(onHost, 100, 50), down(onDevice).slice(100, 150));
      cuda.dispose(onHost);
      assert.ok(cuda.memory().host < host);
    }
  });
});
