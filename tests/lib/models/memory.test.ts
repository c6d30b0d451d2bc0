import assert from "node:assert/strict";
import { inspect } from "node:util";
import { MemoryReport } from "../../../lib/models/memory.js";
import type { DeviceMemory } from "../../../lib/native/addon.js";
import type { TensorMemory } from "../../../lib/tensor/memory.js";

const GIB = 2 ** 30;
const MODEL = { weights: 9.25 * GIB, projections: 6.35 * GIB, projectionsIn16Bit: 24.6 * GIB, adapters: 0.5 * GIB };
const TENSORS: TensorMemory = {
  expandedWeights: 40 * 2 ** 20,
  kvCaches: 3 * 2 ** 20,
  activations: 2 ** 20,
  reserve: 0,
  tensors: 0,
  numTensors: 0,
  process: 900 * 2 ** 20,
  gpu: null,
};
const owner = (now: number, most: number) => ({ inUse: now * GIB, peak: most * GIB });
const GPU: DeviceMemory = {
  inUse: 8.5 * GIB,
  peak: 9.75 * GIB,
  reserved: 10 * GIB,
  reservedPeak: 10.25 * GIB,
  free: 68 * GIB,
  total: 79 * GIB,
  host: 4 * GIB,
  owners: {
    weights: owner(7.75, 9.25),
    adapters: owner(0.5, 0.5),
    optimizer: owner(0.125, 0.125),
    activations: owner(0, 1.25),
    cache: owner(0, 0),
    workspace: owner(0.125, 0.5),
  },
};

describe("a model's memory", () => {
  it("is a table by holder, now and at most, in a terminal and in a notebook", () => {
    const report = new MemoryReport(MODEL, { ...TENSORS, gpu: GPU });
    const text = inspect(report);
    assert.equal(text, String(report));
    assert.match(text, /memory +now, GiB +at most, GiB/);
    for (const line of [
      /weights +7\.75 +9\.25/,
      /adapters and their gradients +0\.50 +0\.50/,
      /optimizer +0\.13 +0\.13/,
      /activations +0\.00 +1\.25/,
      /KV cache +0\.00 +0\.00/,
      /workspace +0\.13 +0\.50/,
      /all of these +8\.50 +9\.75/,
      /kept for the next op +10\.00 +10\.25/,
      /free on the GPU +68\.00$/m,
      /host memory that the GPU reads +4\.00$/m,
    ]) {
      assert.match(text, line);
    }
    const shown = (report as unknown as Record<symbol, () => Record<string, string>>)[Symbol.for("Jupyter.display")]!();
    assert.equal(shown["text/plain"], text);
    assert.match(shown["text/html"]!, /<td[^>]*>optimizer<\/td>/);
    assert.deepEqual([report.weights, report.gpu], [MODEL.weights, GPU]);
  });

  it("tells of the process without a GPU, in a unit that suits it", () => {
    const report = new MemoryReport({ ...MODEL, weights: 12 * 2 ** 20, adapters: 2 ** 20 }, TENSORS);
    assert.match(String(report), /memory +now, MiB\n/);
    assert.match(String(report), /weights +12\.00\n[\s\S]*expanded weights +40\.00\n[\s\S]*process +900\.00$/);
  });
});
