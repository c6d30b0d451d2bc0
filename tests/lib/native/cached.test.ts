import assert from "node:assert/strict";
import { cpu } from "./reference/addon.js";
import { assertClose } from "./reference/compare.js";
import { GEOMETRY, pack, randomLayer } from "./reference/layers.js";
import { normal } from "./reference/random.js";

const geometry = { ...GEOMETRY, hiddenSize: 48, intermediateSize: 64, numHeads: 6, numKvHeads: 2, headDim: 8 };
const HIDDEN = geometry.hiddenSize;
const KV = geometry.numKvHeads * geometry.headDim;
const LENGTHS = [90, 3, 41];
const layers = [1, 2].map((seed) =>
  randomLayer({ geometry, seed, ranks: { q_proj: 4, down_proj: 2 }, biases: ["q_proj", "v_proj"] }),
);
const handles = layers.map((layer) => cpu.createDecoderLayer(layer));

/** Both layers on whole sequences, without a cache: the rows of each sequence. */
function whole(inputs: readonly Float32Array[]): Float32Array[] {
  const lengths = inputs.map((rows) => rows.length / HIDDEN);
  const batch = pack(lengths);
  let x = Float32Array.from(inputs.flatMap((rows) => [...rows]));
  for (const handle of handles) {
    const y = new Float32Array(x.length);
    cpu.dispose(cpu.decoderLayerForward(handle, x, y, batch, { saving: "none", training: false, seed: 0 }));
    x = y;
  }
  return lengths.map((_, i) => x.slice(batch.cuSeqlens[i]! * HIDDEN, batch.cuSeqlens[i + 1]! * HIDDEN));
}

/** The same through a cache, `counts[step][sequence]` new rows at a time. */
function stepwise(inputs: readonly Float32Array[], counts: readonly (readonly number[])[]): Float32Array[] {
  const cache = cpu.createKvCache(handles.length, KV, inputs.length, 96);
  const lengths = new Int32Array(inputs.length);
  const outputs = inputs.map(() => [] as number[]);
  for (const step of counts) {
    const batch = pack(step);
    const positions = Int32Array.from(step.flatMap((n, i) => Array.from({ length: n }, (_, j) => lengths[i]! + j)));
    let x = Float32Array.from(
      step.flatMap((n, i) => [...inputs[i]!.subarray(lengths[i]! * HIDDEN, (lengths[i]! + n) * HIDDEN)]),
    );
    handles.forEach((handle, index) => {
      const y = new Float32Array(x.length);
      cpu.decoderLayerCached(handle, cache, index, x, y, { ...batch, positions }, lengths);
      x = y;
    });
    step.forEach((n, i) => {
      lengths[i]! += n;
      outputs[i]!.push(...x.subarray(batch.cuSeqlens[i]! * HIDDEN, batch.cuSeqlens[i + 1]! * HIDDEN));
    });
  }
  cpu.dispose(cache);
  return outputs.map((rows) => Float32Array.from(rows));
}

describe("native cached decoding", () => {
  const inputs = LENGTHS.map((length, i) => normal(10 + i, length * HIDDEN));
  const expected = whole(inputs);
  const check = (counts: readonly (readonly number[])[]) =>
    stepwise(inputs, counts).forEach((rows, i) => {
      assertClose(rows, expected[i]!, 3e-6, `sequence ${i}`);
    });

  it("equals the uncached pass: whole prompts", () => check([LENGTHS]));

  it("equals it token by token after prompts of different lengths, sequences ending at different times", () => {
    const steps: number[][] = [[50, 1, 30]];
    for (let i = 0; i < 40; i++) steps.push([1, i < 2 ? 1 : 0, i < 11 ? 1 : 0]);
    check(steps);
  });

  it("equals it with several rows onto a filled cache, beside single ones", () =>
    check([
      [40, 2, 1],
      [1, 1, 39],
      [49, 0, 1],
    ]));

  it("refuses what does not fit the cache", () => {
    const cache = cpu.createKvCache(2, KV, 2, 8);
    const x = normal(1, 3 * HIDDEN);
    const call =
      (lengths: Int32Array, counts: number[], layer = 0) =>
      () =>
        cpu.decoderLayerCached(handles[0]!, cache, layer, x, x.slice(), pack(counts), lengths);
    assert.throws(call(Int32Array.of(0, 7), [1, 2]), /Sequence 1 holds 7 tokens; .* capacity of 8/);
    assert.throws(call(Int32Array.of(0, -1), [1, 2]), /Sequence 1 holds -1/);
    assert.throws(call(Int32Array.of(0), [1, 2]), /lengths has 1 elements, expected 2/);
    assert.throws(call(Int32Array.of(0, 0), [3]), /must have 3 elements/);
    assert.throws(call(Int32Array.of(0, 0), [1, 2], 2), /layerIndex must be an integer from 0 to 1/);
    assert.throws(() => cpu.createKvCache(1, 1 << 20, 1 << 16, 1 << 20), /Out of memory/);
    const narrow = cpu.createKvCache(1, KV - 1, 1, 8);
    assert.throws(
      () => cpu.decoderLayerCached(handles[0]!, narrow, 0, x, x.slice(), pack([3]), new Int32Array(1)),
      /holds rows of 15 elements, the layer makes rows of 16/,
    );
  });
});
