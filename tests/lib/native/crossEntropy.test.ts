import assert from "node:assert/strict";
import { cpu } from "./reference/addon.js";
import { assertClose } from "./reference/compare.js";
import { timesTransposed } from "./reference/decoderLayer.js";
import { normal } from "./reference/random.js";

const WIDTH = 24;

function makeHead(vocabulary: number, deviation = 0.5) {
  const values = normal(1, vocabulary * WIDTH, deviation);
  const weight = { kind: "dense", values } as const;
  const handle = cpu.createLinear({ inFeatures: WIDTH, outFeatures: vocabulary, weight, bias: null, lora: null });
  return { values: Float64Array.from(values), handle };
}

/** The definition, row by row, in float64. */
function reference(hidden: Float32Array, head: Float64Array, labels: Int32Array, cuSeqlens: Int32Array, scale: number) {
  const vocabulary = head.length / WIDTH;
  const gradient = new Float64Array(hidden.length);
  let [lossSum, count] = [0, 0];
  for (let s = 0; s + 1 < cuSeqlens.length; s++)
    for (let row = cuSeqlens[s]!; row + 1 < cuSeqlens[s + 1]!; row++) {
      const label = labels[row + 1]!;
      if (label === -100) continue;
      const x = Float64Array.from(hidden.subarray(row * WIDTH, (row + 1) * WIDTH));
      const logits = timesTransposed(x, head, WIDTH, vocabulary);
      const most = Math.max(...logits);
      const sum = logits.reduce((total, z) => total + Math.exp(z - most), 0);
      lossSum += most + Math.log(sum) - logits[label]!;
      count++;
      logits.forEach((z, v) => {
        const d = scale * (Math.exp(z - most) / sum - (v === label ? 1 : 0));
        for (let i = 0; i < WIDTH; i++) gradient[row * WIDTH + i]! += d * head[v * WIDTH + i]!;
      });
    }
  return { lossSum, count, gradient };
}

describe("native linear cross-entropy", () => {
  for (const { name, vocabulary, rows, size } of [
    { name: "a small vocabulary", vocabulary: 50, rows: 33, size: 1 },
    { name: "several chunks", vocabulary: 3001, rows: 1500, size: 1 },
    { name: "large logits", vocabulary: 50, rows: 33, size: 300 },
  ])
    it(`equals the definition, value and gradient: ${name}`, () => {
      const { handle, values } = makeHead(vocabulary);
      const hidden = normal(2, rows * WIDTH, size);
      const labels = Int32Array.from({ length: rows }, (_, i) => (i % 5 === 3 ? -100 : (i * 7919) % vocabulary));
      const cuSeqlens = Int32Array.of(0, 1, 1, 17, rows);
      const dHidden = new Float32Array(hidden.length).fill(9);
      const result = cpu.linearCrossEntropy(handle, hidden, labels, cuSeqlens, 0.25, dHidden);
      const expected = reference(hidden, values, labels, cuSeqlens, 0.25);
      assert.equal(result.count, expected.count);
      assert.ok(Math.abs(result.lossSum / expected.lossSum - 1) < 1e-6, `${result.lossSum} ${expected.lossSum}`);
      assertClose(dHidden, expected.gradient, size === 1 ? 5e-6 : 1e-4);
      assert.deepEqual(cpu.linearCrossEntropy(handle, hidden, labels, cuSeqlens, 0.25, null), result);
    });

  it("is zero, with a zero gradient, where nothing is predicted", () => {
    const { handle } = makeHead(50);
    const dHidden = new Float32Array(3 * WIDTH).fill(9);
    const labels = Int32Array.of(4, 5, -100);
    const result = cpu.linearCrossEntropy(handle, normal(1, 3 * WIDTH), labels, Int32Array.of(0, 1, 3), 1, dHidden);
    assert.deepEqual(result, { lossSum: 0, count: 0 });
    assert.ok(dHidden.every((value) => value === 0));
  });

  it("says NaN when the hidden states are", () => {
    const { handle } = makeHead(50);
    const hidden = new Float32Array(2 * WIDTH).fill(Number.NaN);
    const { lossSum } = cpu.linearCrossEntropy(handle, hidden, Int32Array.of(1, 2), Int32Array.of(0, 2), 1, null);
    assert.ok(Number.isNaN(lossSum));
  });

  it("refuses labels and offsets out of range", () => {
    const { handle } = makeHead(50);
    const hidden = normal(1, 2 * WIDTH);
    const call =
      (labels: Int32Array, offsets: Int32Array, x = hidden) =>
      () =>
        cpu.linearCrossEntropy(handle, x, labels, offsets, 1, null);
    assert.throws(call(Int32Array.of(0, 50), Int32Array.of(0, 2)), /labels\[1\] is 50, expected -100 or 0 to 49/);
    assert.throws(call(Int32Array.of(0, -1), Int32Array.of(0, 2)), /labels\[1\] is -1/);
    assert.throws(call(Int32Array.of(0, 1), Int32Array.of(0, 3)), /rise from 0 to the number of rows, 2/);
    assert.throws(call(Int32Array.of(0, 1), Int32Array.of(0, 5, 2)), /rise from 0/);
    assert.throws(call(Int32Array.of(0, 1, 2), Int32Array.of(0, 3)), /hidden has 48 elements, expected 72/);
  });
});
