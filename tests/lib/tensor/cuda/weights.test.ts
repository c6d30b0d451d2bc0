/** How a checkpoint's tensors get to the GPU, over CPU ops: the threads that read and the ways of failing are the real ones. */
import assert from "node:assert/strict";
import { truncateSync } from "node:fs";
import { type Checkpoint, openCheckpoint, writeCheckpoint } from "../../../../lib/formats/checkpoint.js";
import { bf16ToFloat32, f16ToFloat32, float32ToBf16, float32ToF16 } from "../../../../lib/formats/halves.js";
import { fromFloat32 } from "../../../../lib/formats/toFloat32.js";
import type { TensorToWrite } from "../../../../lib/formats/writeSafetensors.js";
import { nf4Entries, readNf4 } from "../../../../lib/quant/checkpoint.js";
import { quantizeNf4 } from "../../../../lib/quant/nf4.js";
import type { QuantState } from "../../../../lib/quant/quantState.js";
import { activeCuda, type CudaBackend } from "../../../../lib/tensor/cuda/backend.js";
import type { DeviceQuantState } from "../../../../lib/tensor/cuda/quantState.js";
import { ELEMENT_BYTES } from "../../../../lib/tensor/cuda/storage.js";
import { DeviceWeights } from "../../../../lib/tensor/cuda/weights.js";
import { temporaryDirectory } from "../../formats/temporaryDirectory.js";
import { use } from "../backends.js";
import { values } from "../tinyLayer.js";
import { counts, heldBytes, resetCounts } from "./fakeCuda.js";
import { restoreBackendAfterwards } from "./register.js";

const SHAPE = [37, 96] as const;
const numbers = values(SHAPE[0] * SHAPE[1], 4);
const dtypes = ["F32", "BF16", "F16"] as const;
const COMPUTED = [
  ["float32", "f32", (values: Float32Array) => values],
  ["bfloat16", "bf16", (values: Float32Array) => bf16ToFloat32(float32ToBf16(values))],
  ["float16", "f16", (values: Float32Array) => f16ToFloat32(float32ToF16(values))],
] as const;
const ARRAYS = ["packed", "absmax", "nestedAbsmax", "code", "nestedCode", "offset"] as const;

function entry(name: string, dtype: "F32" | "BF16" | "F16", data = numbers): TensorToWrite {
  return { name, dtype, shape: data === numbers ? SHAPE : [data.length], data: fromFloat32(dtype, data) };
}

describe("weights on their way to the GPU, over CPU ops", () => {
  const path = temporaryDirectory();
  let backend: CudaBackend;
  let checkpoint: Checkpoint;
  let weights: DeviceWeights;

  before(async () => {
    await use("cuda");
    backend = activeCuda()!;
    const scales = (nested: boolean): QuantState => quantizeNf4(numbers, { shape: SHAPE, doubleQuant: nested });
    const damaged = values(1000, 3);
    damaged[777] = Number.NaN;
    damaged[999] = Number.POSITIVE_INFINITY;
    await writeCheckpoint(path("model"), [
      ...dtypes.map((dtype) => entry(dtype, dtype)),
      ...dtypes.map((dtype) => entry(`${dtype}.vector`, dtype, values(5, 1))),
      ...dtypes.map((dtype) => entry(`${dtype}.damaged`, dtype, damaged)),
      ...nf4Entries("nested", scales(true)),
      ...nf4Entries("plain", scales(false)),
    ]);
    // The tables of codes, which all matrices share, are not counted below.
    const shared = openCheckpoint(path("model"));
    const first = new DeviceWeights(backend, shared, "float32");
    for (const made of [first.quantize("F32", SHAPE), first.nf4("plain")]) ((await made) as DeviceQuantState).dispose();
    first.close();
    shared.close();
  });
  restoreBackendAfterwards();
  beforeEach(() => {
    checkpoint = openCheckpoint(path("model"));
    weights = new DeviceWeights(backend, checkpoint, "bfloat16");
    resetCounts();
  });
  afterEach(() => {
    weights.close();
    checkpoint.close();
  });

  for (const dtype of dtypes) {
    it(`quantises ${dtype} as bitsandbytes does on CUDA`, async () => {
      const before = heldBytes();
      const state = (await weights.quantize(dtype, SHAPE)) as DeviceQuantState;
      const expected = quantizeNf4(checkpoint.readFloat32(dtype), { shape: SHAPE, variant: "cuda" });
      assert.equal(counts.waits, 0);
      for (const key of ARRAYS) assert.deepEqual(state[key], expected[key], key);
      assert.equal(state.dtype, { F32: "float32", BF16: "bfloat16", F16: "float16" }[dtype]);
      assert.equal(heldBytes() - before, state.bytes);
      state.dispose();
    });

    for (const [computeType, type, rounded] of COMPUTED)
      it(`holds matrices of ${dtype} in ${computeType}, and vectors in float32`, async () => {
        const place = new DeviceWeights(backend, checkpoint, computeType);
        const before = heldBytes();
        const matrix = await place.matrix(dtype, SHAPE);
        // What is stored in the compute type is not converted.
        assert.equal(counts.ops.copy ?? 0, (dtype === "BF16" ? "bf16" : dtype.toLowerCase()) === type ? 0 : 1);
        assert.deepEqual(matrix.dataSync(), rounded(checkpoint.readFloat32(dtype)));
        assert.equal(backend.storage(matrix.dataId).device!.dtype, type);
        const vector = await place.vector(`${dtype}.vector`);
        assert.deepEqual(vector.dataSync(), checkpoint.readFloat32(`${dtype}.vector`));
        assert.equal(heldBytes() - before, ELEMENT_BYTES[type] * numbers.length + 4 * 5);
        matrix.dispose();
        vector.dispose();
        place.close();
      });

    it(`refuses ${dtype} values that are not finite, naming the first, and frees them`, async () => {
      const before = heldBytes();
      for (const reading of [weights.vector(`${dtype}.damaged`), weights.quantize(`${dtype}.damaged`, [1, 1000])]) {
        await assert.rejects(reading, new RegExp(`weight ${dtype}\\.damaged holds NaN at element 777\\..*damaged`));
      }
      assert.equal(heldBytes(), before);
    });
  }

  for (const name of ["nested", "plain"]) {
    it(`takes a quantised matrix as it is, ${name} scales`, async () => {
      const before = heldBytes();
      const state = (await weights.nf4(name)) as DeviceQuantState;
      const expected = readNf4(checkpoint, name);
      assert.equal(counts.waits, 0);
      for (const key of ARRAYS) assert.deepEqual(state[key], expected[key], key);
      assert.deepEqual([state.shape, state.blockSize, state.dtype], [[37, 96], 64, expected.dtype]);
      state.dispose();
      assert.equal(heldBytes(), before);
    });
  }

  it("names tensor and file when the file ends early, and gives the memory back", async () => {
    await writeCheckpoint(path("short"), [entry("a", "BF16"), entry("b", "BF16")]);
    const short = openCheckpoint(path("short"));
    const { path: file, offset } = short.locate("b");
    const reader = new DeviceWeights(backend, short, "bfloat16");
    truncateSync(file, offset + 100);
    const before = heldBytes();
    const state = (await reader.quantize("a", SHAPE)) as DeviceQuantState;
    await assert.rejects(
      reader.quantize("b", SHAPE),
      new RegExp(`tensor b cannot be read from .*model\\.safetensors: the file ended at byte ${offset + 100} while`),
    );
    await assert.rejects(reader.matrix("b", SHAPE), /tensor b cannot be read/);
    state.dispose();
    assert.equal(heldBytes(), before);
    reader.close();
    short.close();
  });

  it("fails to read once it is closed", async () => {
    const before = heldBytes();
    weights.close();
    await assert.rejects(weights.quantize("BF16", SHAPE), /tensor BF16 cannot be read/);
    assert.equal(heldBytes(), before);
  });

  it("gives memory back when there is none left half-way", async () => {
    const before = heldBytes();
    const create = backend.cuda.createBuffer;
    for (const refused of [1, 2, 3, 4, 5, 6]) {
      let asked = 0;
      const limited: typeof create = (...args) => {
        if (++asked === refused) throw new Error("out of memory");
        return create(...args);
      };
      const cuda = new Proxy(backend.cuda, {
        get: (table, key) => (key === "createBuffer" ? limited : table[key as keyof typeof table]),
      });
      const poor = new DeviceWeights(Object.assign(Object.create(backend), { cuda }), checkpoint, "bfloat16");
      await assert.rejects(poor.quantize("BF16", SHAPE), /out of memory/);
      assert.equal(heldBytes(), before);
      poor.close();
    }
  });
});
