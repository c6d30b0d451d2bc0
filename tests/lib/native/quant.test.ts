import assert from "node:assert/strict";
import type { NativeVariant } from "../../../lib/native/opTable.js";
import { dequantizeBlockwise as dequantize8, quantizeBlockwise as quantize8 } from "../../../lib/quant/blockwise8.js";
import { SIGNED_DYNAMIC_MAP, UNSIGNED_DYNAMIC_MAP } from "../../../lib/quant/dynamicMap.js";
import { dequantizeNf4, quantizeNf4 } from "../../../lib/quant/nf4.js";
import { bytes, floats, golden } from "../quant/golden.js";
import { cpu } from "./reference/addon.js";
import { normal } from "./reference/random.js";

/** The raw blocks: packed codes and float32 scales. */
function quantize(values: Float32Array, blockSize: number, variant: NativeVariant) {
  const packed = new Uint8Array(Math.ceil(values.length / 2));
  const absmax = new Float32Array(Math.ceil(values.length / blockSize));
  cpu.quantizeNf4(values, blockSize, variant, packed, absmax);
  return { packed, absmax };
}

/** Values of every size, with zero blocks, infinities of rounding and exact ties among them. */
function hardValues(): Float32Array {
  const values = normal(5, 64 * 40 + 37, 0.02);
  values.fill(0, 64, 128);
  values.set([1, 0.03979014977812767, -0.045525018125772476, 0.5, -0.5], 192);
  values.fill(1e-39, 256, 320);
  values[400] = 1e30;
  return values;
}

describe("native NF4", () => {
  const { cases } = golden<{
    cases: { name: string; blockSize: number; doubleQuant: boolean; values: string; packed: string; absmax: string }[];
  }>("nf4.json");
  for (const { name, blockSize, doubleQuant, ...expected } of cases)
    it(`equals bitsandbytes: ${name}`, () => {
      const { packed, absmax } = quantize(floats(expected.values), blockSize, "cpu");
      assert.deepEqual(packed, bytes(expected.packed));
      if (!doubleQuant) assert.deepEqual(absmax, floats(expected.absmax));
    });

  for (const variant of ["cpu", "cuda"] as const)
    it(`equals the TypeScript implementation, variant ${variant}`, () => {
      const values = hardValues();
      const { packed, absmax } = quantizeNf4(values, { doubleQuant: false, variant });
      assert.deepEqual(quantize(values, 64, variant), { packed, absmax });
    });

  it("expands as the TypeScript implementation does, with and without double quantisation", () => {
    for (const doubleQuant of [true, false])
      for (const size of [64 * 300, 64 * 40 + 37, 1, 63]) {
        const state = quantizeNf4(normal(size, size, 0.03), { doubleQuant });
        const values = new Float32Array(size);
        cpu.dequantizeNf4(state, values);
        assert.deepEqual(values, dequantizeNf4(state));
      }
  });

  it("refuses buffers that do not fit", () => {
    const values = new Float32Array(128);
    const [packed, absmax] = [new Uint8Array(64), new Float32Array(2)];
    const call =
      (...args: unknown[]) =>
      () =>
        (cpu.quantizeNf4 as (...args: unknown[]) => void)(...args);
    assert.throws(call(values, 64, "cpu", new Uint8Array(63), absmax), /packed has 63 elements, expected 64/);
    assert.throws(call(values, 64, "cpu", packed, new Float32Array(1)), /absmax has 1 elements, expected 2/);
    assert.throws(call(values, 64, "gpu", packed, absmax), /variant must be "cpu" or "cuda", not "gpu"/);
    assert.throws(call(values, 63, "cpu", packed, absmax), /blockSize must be even/);
    assert.throws(call(values, 0, "cpu", packed, absmax), /blockSize must be an integer/);
    assert.throws(call([], 64, "cpu", packed, absmax), /values must be a Float32Array/);
    const state = quantizeNf4(new Float32Array(128));
    assert.throws(() => cpu.dequantizeNf4(state, new Float32Array(130)), /state.packed has 64 elements, expected 65/);
    const broken = { ...state, nestedCode: new Float32Array(255) };
    assert.throws(() => cpu.dequantizeNf4(broken, values), /state.nestedCode has 255 elements/);
  });
});

describe("native block-wise 8-bit codes", () => {
  const { cases } = golden<{
    cases: {
      name: string;
      signed: boolean;
      blockSize: number;
      values: string;
      quantized: string;
      absmax: string;
      restored: string;
    }[];
  }>("blockwise8.json");
  for (const { name, signed, blockSize, ...expected } of cases)
    it(`equals bitsandbytes: ${name}`, () => {
      const code = signed ? SIGNED_DYNAMIC_MAP : UNSIGNED_DYNAMIC_MAP;
      const values = floats(expected.values);
      const quantized = new Uint8Array(values.length);
      const absmax = new Float32Array(Math.ceil(values.length / blockSize));
      cpu.quantizeBlockwise(values, code, blockSize, "cpu", quantized, absmax);
      assert.deepEqual(quantized, bytes(expected.quantized));
      assert.deepEqual(absmax, floats(expected.absmax));
      const restored = new Float32Array(values.length);
      cpu.dequantizeBlockwise(quantized, absmax, code, blockSize, restored);
      assert.deepEqual(restored, floats(expected.restored));
    });

  for (const variant of ["cpu", "cuda"] as const)
    it(`equals the TypeScript implementation, variant ${variant}`, () => {
      const values = hardValues();
      const quantized = new Uint8Array(values.length);
      const absmax = new Float32Array(Math.ceil(values.length / 256));
      cpu.quantizeBlockwise(values, SIGNED_DYNAMIC_MAP, 256, variant, quantized, absmax);
      assert.deepEqual({ quantized, absmax }, quantize8(values, SIGNED_DYNAMIC_MAP, 256, variant));
      const restored = new Float32Array(values.length);
      cpu.dequantizeBlockwise(quantized, absmax, SIGNED_DYNAMIC_MAP, 256, restored);
      assert.deepEqual(restored, dequantize8(quantized, absmax, SIGNED_DYNAMIC_MAP, 256));
    });
});
