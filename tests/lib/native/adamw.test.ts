import assert from "node:assert/strict";
import { dequantizeBlockwise, quantizeBlockwise } from "../../../lib/quant/blockwise8.js";
import { SIGNED_DYNAMIC_MAP, UNSIGNED_DYNAMIC_MAP } from "../../../lib/quant/dynamicMap.js";
import {
  updateMoments,
  updateMomentsLerp,
  updateValues,
  updateValuesFused,
} from "../../../lib/train/optim/adamMath.js";
import type { AdamStep } from "../../../lib/train/optim/optimizer.js";
import { cpu } from "./reference/addon.js";
import { normal } from "./reference/random.js";

const STEP: AdamStep = {
  learningRate: 2e-4,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.01,
  gradScale: 0.7,
  step: 1,
};
const SIZES = [4096 + 100, 16384, 777];

/** Gradients of all sizes, zeros among them. */
function gradientOf(size: number, step: number): Float32Array {
  return normal(size + step, size, 0.01).map((value, i) => (i % 50 === 0 ? 0 : value * 10 ** ((i % 7) - 4)));
}

describe("native AdamW", () => {
  it("with 32-bit states has the bits of its TypeScript reference", () => {
    const expected = SIZES.map((size) => ({
      value: normal(size, size),
      m: new Float32Array(size),
      v: new Float32Array(size),
    }));
    const actual = expected.map(({ value, m, v }) => ({ value: value.slice(), m: m.slice(), v: v.slice() }));
    for (let count = 1; count <= 4; count++) {
      const step = { ...STEP, step: count };
      const gradients = SIZES.map((size) => gradientOf(size, count));
      expected.forEach((tensor, i) => {
        updateMomentsLerp(gradients[i]!, tensor.m, tensor.v, step);
        updateValues(tensor.value, tensor.m, tensor.v, step);
      });
      cpu.adamw32(
        actual.map((tensor, i) => ({ ...tensor, gradient: gradients[i]! })),
        step,
      );
    }
    assert.deepEqual(actual, expected);
  });

  it("with 8-bit states has the bits of its TypeScript reference, small tensors in 32 bits", () => {
    const expected = SIZES.map((size) => {
      const blocks = size < 4096 ? 0 : Math.ceil(size / 256);
      const state = () => (blocks ? new Uint8Array(size) : new Float32Array(size));
      const [absmax1, absmax2] = [new Float32Array(blocks), new Float32Array(blocks)];
      return { value: normal(size, size), state1: state(), state2: state(), absmax1, absmax2 };
    });
    const actual = structuredClone(expected);
    for (let count = 1; count <= 4; count++) {
      const step = { ...STEP, step: count };
      const gradients = SIZES.map((size) => gradientOf(size, count));
      expected.forEach((tensor, i) => {
        const { state1, state2 } = tensor;
        if (state1 instanceof Float32Array || state2 instanceof Float32Array) {
          updateMoments(gradients[i]!, state1 as Float32Array, state2 as Float32Array, step);
          updateValuesFused(tensor.value, state1 as Float32Array, state2 as Float32Array, step);
          return;
        }
        const m = dequantizeBlockwise(state1, tensor.absmax1, SIGNED_DYNAMIC_MAP, 256);
        const v = dequantizeBlockwise(state2, tensor.absmax2, UNSIGNED_DYNAMIC_MAP, 256);
        updateMoments(gradients[i]!, m, v, step);
        updateValues(tensor.value, m, v, step);
        const first = quantizeBlockwise(m, SIGNED_DYNAMIC_MAP, 256);
        const second = quantizeBlockwise(v, UNSIGNED_DYNAMIC_MAP, 256);
        Object.assign(tensor, { state1: first.quantized, state2: second.quantized });
        Object.assign(tensor, { absmax1: first.absmax, absmax2: second.absmax });
      });
      cpu.adamw8bit(
        actual.map((tensor, i) => ({ ...tensor, gradient: gradients[i]! })),
        SIGNED_DYNAMIC_MAP,
        UNSIGNED_DYNAMIC_MAP,
        step,
      );
    }
    assert.deepEqual(actual, expected);
  });

  it("refuses lists that do not fit", () => {
    const tensor = {
      value: new Float32Array(8),
      gradient: new Float32Array(8),
      m: new Float32Array(8),
      v: new Float32Array(7),
    };
    assert.throws(() => cpu.adamw32([tensor], STEP), /tensors\[0\].v has 7 elements, expected 8/);
    assert.throws(() => cpu.adamw32([{ ...tensor, gradient: new Float32Array(9) }], STEP), /gradient has 9/);
    assert.throws(() => cpu.adamw32([], { ...STEP, step: 0 }), /step.step must be an integer from 1/);
    assert.throws(() => cpu.adamw32({} as [], STEP), /tensors must be an array/);
  });
});

describe("native gradient norm and scale", () => {
  it("is the L2 norm over all buffers, the same for any number of threads", () => {
    const gradients = [normal(1, 100_000), normal(2, 3), new Float32Array(0), normal(3, 20_000)];
    const expected = Math.sqrt(gradients.reduce((sum, part) => part.reduce((s, g) => s + g * g, sum), 0));
    const threads = cpu.getThreads();
    const norms = [1, 2, 3].map((count) => {
      cpu.setThreads(count);
      return cpu.gradNorm(gradients);
    });
    cpu.setThreads(threads);
    assert.ok(Math.abs(norms[0]! / expected - 1) < 1e-12);
    assert.deepEqual(norms, [norms[0], norms[0], norms[0]]);
    assert.equal(cpu.gradNorm([]), 0);
    assert.throws(() => cpu.gradNorm([new Float64Array(2) as unknown as Float32Array]), /gradients\[0\] must be/);
  });

  it("scales in place", () => {
    const values = Float32Array.of(1, -2, 3);
    cpu.scale(values, 0.5);
    assert.deepEqual(values, Float32Array.of(0.5, -1, 1.5));
  });
});
