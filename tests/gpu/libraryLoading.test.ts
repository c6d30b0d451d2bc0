/** Checkpoints on their way to the GPU against the way over the host, bit for bit, and against the CPU's quantisation. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, truncateSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Checkpoint, openCheckpoint, writeCheckpoint } from "../../lib/formats/checkpoint.js";
import { float32ToBf16 } from "../../lib/formats/halves.js";
import { fromFloat32 } from "../../lib/formats/toFloat32.js";
import type { TensorToWrite } from "../../lib/formats/writeSafetensors.js";
import { type LoadProgress, loadNetwork, readConfig } from "../../lib/models/load.js";
import { nf4Entries, readNf4 } from "../../lib/quant/checkpoint.js";
import { quantizeNf4 } from "../../lib/quant/nf4.js";
import { initBackend } from "../../lib/tensor/backend.js";
import { activeCuda } from "../../lib/tensor/cuda/backend.js";
import { DeviceQuantState } from "../../lib/tensor/cuda/quantState.js";
import { DeviceWeights } from "../../lib/tensor/cuda/weights.js";
import { writeTinyModel } from "../lib/models/tinyModel.js";
import { normal } from "../lib/native/reference/random.js";
import { cuda, onGpu } from "./device.js";

const SHAPE = [1234, 515] as const;
const DTYPES = ["F32", "BF16", "F16"] as const;
const ARRAYS = ["packed", "absmax", "nestedAbsmax", "code", "nestedCode", "offset"] as const;

onGpu("loading on the GPU", () => {
  const folder = mkdtempSync(join(tmpdir(), "tunelab-loading-"));
  /** Memory that is in use; what other tests left to the garbage collector may go at any time. */
  const noMoreThan = (inUse: number) =>
    assert.ok(cuda.memory().inUse <= inUse, `${cuda.memory().inUse}, before ${inUse}`);
  const numbers = normal(5, SHAPE[0] * SHAPE[1], 0.02);
  let checkpoint: Checkpoint;
  let weights: DeviceWeights;

  before(async () => {
    await initBackend("cuda");
    const damaged = normal(6, 100_001, 0.02);
    damaged[77_777] = Number.POSITIVE_INFINITY;
    damaged[99_999] = Number.NaN;
    const entry = (name: string, dtype: (typeof DTYPES)[number], shape: readonly number[], values: Float32Array) =>
      ({ name, dtype, shape, data: fromFloat32(dtype, values) }) satisfies TensorToWrite;
    await writeCheckpoint(
      folder,
      [
        ...DTYPES.map((dtype) => entry(dtype, dtype, SHAPE, numbers)),
        ...DTYPES.map((dtype) => entry(`${dtype}.vector`, dtype, [13], numbers.slice(0, 13))),
        ...DTYPES.map((dtype) => entry(`${dtype}.damaged`, dtype, [damaged.length], damaged)),
        ...nf4Entries("nested", quantizeNf4(numbers, { shape: SHAPE })),
        ...nf4Entries("plain", quantizeNf4(numbers, { shape: SHAPE, doubleQuant: false })),
      ],
      { maxShardBytes: 3_000_000 },
    );
    checkpoint = openCheckpoint(folder);
    weights = new DeviceWeights(activeCuda()!, checkpoint, "bfloat16");
  });
  after(() => {
    weights.close();
    checkpoint.close();
    rmSync(folder, { recursive: true });
  });

  for (const dtype of DTYPES) {
    it(`quantises ${dtype} to the bits that come over the host`, async () => {
      const state = (await weights.quantize(dtype, SHAPE)) as DeviceQuantState;
      const values = checkpoint.readFloat32(dtype);
      const uploaded = cuda.upload(dtype === "BF16" ? float32ToBf16(values) : values);
      const [rows, columns] = SHAPE;
      const over = await DeviceQuantState.quantize(cuda, uploaded, [rows, columns], "float32");
      for (const key of ARRAYS) assert.deepEqual(state[key], over[key], key);
      // The scales are exact on both; codes may differ where the GPU's reciprocal is approximate.
      const onCpu = quantizeNf4(values, { shape: SHAPE, variant: "cuda" });
      assert.ok(Math.abs(state.offset / onCpu.offset - 1) < 2 ** -22, `${state.offset} ${onCpu.offset}`);
      const different = state.packed.filter((byte, i) => byte !== onCpu.packed[i]).length;
      assert.ok(different <= onCpu.packed.length * 1e-5, `${different} of ${onCpu.packed.length} bytes`);
      for (const made of [state, over]) made.dispose();
      cuda.dispose(uploaded);
    });

    for (const [computeType, type] of [
      ["bfloat16", "bf16"],
      ["float16", "f16"],
    ] as const)
      it(`has the dense values of ${dtype} that come over the host, in ${computeType}`, async () => {
        const place = new DeviceWeights(activeCuda()!, checkpoint, computeType);
        const values = checkpoint.readFloat32(dtype);
        const [matrix, uploaded] = [await place.matrix(dtype, SHAPE), cuda.upload(values, { dtype: type })];
        assert.deepEqual(matrix.dataSync(), cuda.downloadSync(uploaded));
        const vector = await place.vector(`${dtype}.vector`);
        assert.deepEqual(vector.dataSync(), checkpoint.readFloat32(`${dtype}.vector`));
        cuda.dispose(uploaded);
        matrix.dispose();
        vector.dispose();
        place.close();
      });

    it(`refuses ${dtype} values that are not finite, naming the first`, async () => {
      const { inUse } = cuda.memory();
      const message = /damaged holds Infinity at element 77777\./;
      await assert.rejects(weights.vector(`${dtype}.damaged`), message);
      await assert.rejects(weights.quantize(`${dtype}.damaged`, [1, 100_001]), message);
      noMoreThan(inUse);
    });
  }

  for (const name of ["nested", "plain"])
    it(`takes a quantised matrix as it is, ${name} scales`, async () => {
      const state = (await weights.nf4(name)) as DeviceQuantState;
      const stored = readNf4(checkpoint, name);
      for (const key of ARRAYS) assert.deepEqual(state[key], stored[key], key);
      state.dispose();
    });

  it("loads many at once", async () => {
    const { inUse } = cuda.memory();
    const first = (await weights.quantize("BF16", SHAPE)) as DeviceQuantState;
    const all = await Promise.all(Array.from({ length: 50 }, () => weights.quantize("BF16", SHAPE)));
    for (const state of all as DeviceQuantState[]) {
      assert.ok(Buffer.from(state.packed.buffer).equals(Buffer.from(first.packed.buffer)));
      assert.equal(state.offset, first.offset);
      state.dispose();
    }
    first.dispose();
    noMoreThan(inUse);
  });

  it("loads a network, and gives all memory back when that fails or is interrupted", async () => {
    const model = await writeTinyModel({ dtype: "BF16" });
    const file = join(model, "model.safetensors");
    const load = async (onProgress: (progress: LoadProgress) => void = () => undefined) =>
      loadNetwork(model, await readConfig(model), { loadIn4bit: true, onProgress });
    (await load()).dispose();
    const { inUse } = cuda.memory();
    (await load()).dispose();
    noMoreThan(inUse);

    const hook = Symbol.for("tunelab.interrupt");
    let interrupt = () => undefined as unknown;
    const hub = {
      onInterrupt(listener: () => void) {
        interrupt = listener;
        return () => undefined;
      },
    };
    Object.assign(globalThis, { [hook]: hub });
    await assert.rejects(
      load(() => void interrupt()),
      /Loading was interrupted after [12] of 2 layers/,
    );
    delete (globalThis as Record<symbol, unknown>)[hook];
    noMoreThan(inUse);
    await assert.rejects(
      load(() => utimesSync(file, 1, 1)),
      /was changed while it was read/,
    );
    truncateSync(file, 5000);
    await assert.rejects(load(), /truncated/);
    noMoreThan(inUse);
    rmSync(model, { recursive: true });
  });
});
