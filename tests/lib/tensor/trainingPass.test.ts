/** A training pass of a whole model: what it computes does not depend on what it keeps, where, or in what pieces. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { activeCuda } from "../../../lib/tensor/cuda/backend.js";
import type { NetworkParts, PackedBatch, PassOptions, Saving } from "../../../lib/tensor/layers.js";
import { releasePassMemory } from "../../../lib/tensor/memory.js";
import { trainingPass } from "../../../lib/tensor/ops.js";
import { trainingPass as plain } from "../../../lib/tensor/portable/trainingPass.js";
import { clearWeightCache } from "../../../lib/tensor/portable/weights.js";
import { BACKENDS, use } from "./backends.js";
import { assertNear } from "./compare.js";
import { counts, heldBytes, resetCounts, setLimit } from "./cuda/fakeCuda.js";
import { restoreBackendAfterwards } from "./cuda/register.js";
import { disposeLayer, GEOMETRY, packed, randomLayer, randomWeight, values } from "./tinyLayer.js";

const VOCABULARY = 50;
const LAYERS = 4;

function network(dropout = 0): NetworkParts {
  return {
    layers: Array.from({ length: LAYERS }, (_, i) =>
      randomLayer({ kind: "nf4", lora: { r: 4, dropout }, seed: i + 1 }),
    ),
    table: randomWeight(VOCABULARY, GEOMETRY.hiddenSize, "dense", 90),
    norm: tf.tensor1d(values(GEOMETRY.hiddenSize, 91).map((v) => 1 + 0.3 * v)),
    rmsNormEps: 1e-6,
    head: randomWeight(VOCABULARY, GEOMETRY.hiddenSize, "dense", 92),
  };
}

function dispose({ layers, table, norm, head }: NetworkParts): void {
  for (const layer of layers) disposeLayer(layer);
  for (const weight of [table, head]) if (weight.kind === "dense") weight.values.dispose();
  norm.dispose();
  clearWeightCache();
}

function options(savings: readonly Saving[], inputs: PassOptions["inputs"] = "device"): PassOptions {
  return { savings, inputs, maxTokens: 64, training: true, seed: 3, lossScale: 1 };
}
const all = (saving: Saving) => new Array<Saving>(LAYERS).fill(saving);

function parametersOf({ layers }: NetworkParts) {
  return layers.flatMap(({ projections }) => Object.values(projections).flatMap(({ lora }) => [lora!.a, lora!.b]));
}

interface Result {
  readonly loss: number;
  readonly gradients: Float32Array[];
}

/** Loss and gradients, added up over the batches. */
function run(parts: NetworkParts, batches: readonly PackedBatch[], how: PassOptions, pass = trainingPass): Result {
  const parameters = parametersOf(parts);
  for (const parameter of parameters) parameter.zeroGrad();
  let loss = 0;
  for (const batch of batches) {
    const value = tf.tidy(() => pass(parts, batch, 10, how));
    loss += value.dataSync()[0]!;
    value.dispose();
  }
  const gradients = parameters.map(({ grad }) => grad!.dataSync().slice() as Float32Array);
  for (const parameter of parameters) parameter.zeroGrad();
  return { loss, gradients };
}

function assertSame(actual: Result, expected: Result, tolerance: number, what: string): void {
  assert.ok(Math.abs(actual.loss / expected.loss - 1) <= tolerance, `${what}: ${actual.loss} and ${expected.loss}`);
  actual.gradients.forEach((gradient, i) => {
    assertNear(gradient, expected.gradients[i]!, tolerance, `${what} ${i}`);
  });
}

for (const backend of BACKENDS) {
  describe(`trainingPass on ${backend}`, () => {
    before(() => use(backend));
    restoreBackendAfterwards();

    it("equals the plain composition, whatever the layers keep", () => {
      const parts = network(0.3);
      const batch = packed([5, 1, 9], VOCABULARY);
      const expected = run(parts, [batch], options(all("all")), plain);
      for (const savings of [all("all"), all("selected"), all("none"), ["none", "selected", "none", "all"] as const]) {
        assertSame(run(parts, [batch], options(savings)), expected, 1e-5, savings.join());
      }
      dispose(parts);
    });

    it("gives the same sums for 8 sequences at once, 2 times 4, and one by one", () => {
      const parts = network();
      const lengths = [5, 3, 9, 12, 4, 7, 2, 6];
      const whole = packed(lengths, VOCABULARY);
      const pieces = (size: number) =>
        Array.from({ length: 8 / size }, (_, piece) => {
          const [from, to] = [whole.cuSeqlens[piece * size]!, whole.cuSeqlens[(piece + 1) * size]!];
          return {
            inputIds: whole.inputIds.slice(from, to),
            labels: whole.labels.slice(from, to),
            positions: whole.positions.slice(from, to),
            cuSeqlens: whole.cuSeqlens.slice(piece * size, (piece + 1) * size + 1).map((offset) => offset - from),
          };
        });
      const once = run(parts, pieces(8), options(all("all")));
      for (const size of [4, 1]) {
        assertSame(run(parts, pieces(size), options(all("selected"))), once, 1e-5, `${8 / size} x ${size}`);
      }
      dispose(parts);
    });

    it("multiplies the gradients by the loss scale, and the loss not", () => {
      const parts = network();
      const batch = packed([5, 9], VOCABULARY);
      const { loss, gradients } = run(parts, [batch], options(all("all")));
      const scaled = run(parts, [batch], { ...options(all("all")), lossScale: 1024 });
      assertSame(scaled, { loss, gradients: gradients.map((values) => values.map((v) => 1024 * v)) }, 1e-6, "scaled");
      dispose(parts);
    });

    it("keeps no tensors, and refuses what does not fit", () => {
      const parts = network();
      const batch = packed([4, 6], VOCABULARY);
      run(parts, [batch], options(all("none")));
      const before = tf.memory().numTensors;
      run(parts, [batch], options(all("selected")));
      assert.equal(tf.memory().numTensors, before);
      const pass = (change: Partial<PackedBatch>) =>
        trainingPass(parts, { ...batch, ...change }, 1, options(all("all")));
      assert.throws(
        () => pass({ inputIds: Int32Array.from(batch.inputIds, () => VOCABULARY) }),
        /Token id 50 is outside/,
      );
      assert.throws(() => pass({ cuSeqlens: Int32Array.of(0, 4) }), /cuSeqlens must rise from 0 to the 10/);
      assert.throws(() => pass({ labels: new Int32Array(3) }), /labels has 3 entries for 10 rows/);
      assert.equal(tf.memory().numTensors, before);
      dispose(parts);
    });
  });
}

describe("trainingPass on cuda, over CPU ops", () => {
  before(() => use("cuda"));
  restoreBackendAfterwards();
  afterEach(() => setLimit(Number.POSITIVE_INFINITY));

  it("keeps gradients in float16 that would round to zero without a scale", () => {
    const { table, ...others } = network();
    assert.ok(table.kind === "dense");
    const backend = activeCuda()!;
    const narrow = backend.cuda.upload(table.values.dataSync() as Float32Array, { dtype: "f16" });
    const parts = {
      ...others,
      table: { kind: "dense", values: backend.tensor<tf.Tensor2D>(narrow, table.values.shape) },
    } as const;
    const batch = packed([5, 9], VOCABULARY);
    const numItems = 1e9;
    const one = (of: NetworkParts, lossScale: number) =>
      run(of, [batch], { ...options(all("all")), lossScale }, (...[parts, batch, , how]) =>
        trainingPass(parts, batch, numItems, how),
      );
    const wide = one({ ...parts, table }, 1);
    const lost = one(parts, 1);
    assert.ok(lost.gradients.every((values) => values.every((value) => value === 0)));
    const { loss, gradients } = one(parts, 2 ** 30);
    assertSame({ loss, gradients: gradients.map((values) => values.map((v) => v / 2 ** 30)) }, wide, 1e-2, "float16");
    table.values.dispose();
    dispose(parts);
  });

  it("computes the same bits with inputs in host memory, and holds two of them at a time", () => {
    const parts = network(0.2);
    const batch = packed([30, 25], VOCABULARY);
    const here = run(parts, [batch], options(all("none")));
    resetCounts();
    const there = run(parts, [batch, packed([7], VOCABULARY), batch], options(all("none"), "host"));
    // The last layer's input stays; the store is made once for all passes.
    const { hostStoreWrite, hostStoreRead, createHostStore } = counts.ops;
    assert.deepEqual([hostStoreWrite, hostStoreRead, createHostStore], [9, 9, 1]);
    assert.deepEqual(run(parts, [batch], options(all("none"), "host")), here);
    assert.ok(there.loss > here.loss);
    releasePassMemory();
    resetCounts();
    run(parts, [batch], options(all("none"), "host"));
    assert.equal(counts.ops.createHostStore, 1);
    dispose(parts);
  });

  it("waits for nothing, and holds fewer inputs on the GPU when they are in host memory", () => {
    const parts = network();
    const batch = packed([60], VOCABULARY);
    const { cuda } = activeCuda()!;
    const peak = (inputs: PassOptions["inputs"]) => {
      const before = heldBytes();
      cuda.resetPeaks();
      trainingPass(parts, batch, 10, options(all("none"), inputs)).dispose();
      assert.equal(heldBytes(), before);
      return cuda.memory().peak - before;
    };
    trainingPass(parts, batch, 10, options(all("none"))).dispose();
    resetCounts();
    const row = 4 * 60 * GEOMETRY.hiddenSize;
    // At the loss, when all inputs are there: four against one.
    assert.equal(peak("device") - peak("host"), 3 * row);
    assert.equal(counts.waits, 0);
    dispose(parts);
  });

  it("gives all memory back wherever it runs out, and then goes on", () => {
    const parts = network();
    const batch = packed([60], VOCABULARY);
    for (const inputs of ["device", "host"] as const) {
      const expected = run(parts, [batch], options(all("none"), inputs)).loss;
      trainingPass(parts, batch, 10, options(all("none"), inputs)).dispose();
      const [before, tensors] = [heldBytes(), tf.memory().numTensors];
      let failures = 0;
      for (let more = 0; more < 80_000; more += 2_000) {
        setLimit(before + more);
        try {
          trainingPass(parts, batch, 10, options(all("none"), inputs)).dispose();
        } catch (error) {
          assert.match((error as Error).message, /is out of memory/);
          failures++;
        }
        assert.deepEqual([heldBytes(), tf.memory().numTensors], [before, tensors]);
      }
      assert.ok(failures > 5 && failures < 40, `${failures} failures`);
      setLimit(Number.POSITIVE_INFINITY);
      assert.equal(run(parts, [batch], options(all("none"), inputs)).loss, expected);
    }
    dispose(parts);
  });
});
