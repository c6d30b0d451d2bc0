import assert from "node:assert/strict";
import { dequantizeBlockwise, quantizeBlockwise } from "../../../lib/quant/blockwise8.js";
import { SIGNED_DYNAMIC_MAP, UNSIGNED_DYNAMIC_MAP } from "../../../lib/quant/dynamicMap.js";
import { torchMean } from "../../../lib/quant/torchMean.js";
import { bytes, floats, golden } from "./golden.js";

interface Golden {
  signed: string;
  unsigned: string;
  cases: {
    name: string;
    signed: boolean;
    blockSize: number;
    values: string;
    quantized: string;
    absmax: string;
    restored: string;
  }[];
  weylMeans: { n: number; mean: string }[];
}

const reference = golden<Golden>("blockwise8.json");

describe("dynamic 8-bit maps", () => {
  it("equal bitsandbytes' bits", () => {
    assert.deepEqual(SIGNED_DYNAMIC_MAP, floats(reference.signed));
    assert.deepEqual(UNSIGNED_DYNAMIC_MAP, floats(reference.unsigned));
  });
});

describe("quantizeBlockwise", () => {
  for (const { name, signed, blockSize, values, quantized, absmax, restored } of reference.cases) {
    it(`equals bitsandbytes on the CPU: ${name}`, () => {
      const code = signed ? SIGNED_DYNAMIC_MAP : UNSIGNED_DYNAMIC_MAP;
      const result = quantizeBlockwise(floats(values), code, blockSize);
      assert.deepEqual(result.quantized, bytes(quantized));
      assert.deepEqual(result.absmax, floats(absmax));
      assert.deepEqual(dequantizeBlockwise(result.quantized, result.absmax, code, blockSize), floats(restored));
    });
  }

  it("gives every entry of the map its own code in the CUDA variant", () => {
    const identity = Uint8Array.from({ length: 256 }, (_, i) => i);
    assert.deepEqual(quantizeBlockwise(SIGNED_DYNAMIC_MAP, SIGNED_DYNAMIC_MAP, 256, "cuda").quantized, identity);
  });

  it("takes the nearest entry in the CUDA variant", () => {
    const values = Float32Array.from({ length: 4001 }, (_, i) => (i - 2000) / 2000);
    const { quantized } = quantizeBlockwise(values, SIGNED_DYNAMIC_MAP, 4001, "cuda");
    values.forEach((value, i) => {
      const distance = Math.abs(SIGNED_DYNAMIC_MAP[quantized[i]!]! - value);
      const least = SIGNED_DYNAMIC_MAP.reduce((best, entry) => Math.min(best, Math.abs(entry - value)), Infinity);
      assert.ok(distance - least < 1e-7, `${value}: ${distance} against ${least}`);
    });
  });

  it("refuses a block size or a number of scales that cannot be", () => {
    assert.throws(() => quantizeBlockwise(new Float32Array(4), SIGNED_DYNAMIC_MAP, 0), /positive whole number, got 0/);
    assert.throws(
      () => dequantizeBlockwise(new Uint8Array(300), new Float32Array(1), SIGNED_DYNAMIC_MAP, 256),
      /300 codes in blocks of 256 need 2 scales, got 1/,
    );
  });
});

describe("torchMean", () => {
  it("adds in torch's order", () => {
    for (const { n, mean } of reference.weylMeans) {
      const values = Float32Array.from({ length: n }, (_, i) => (Math.imul(i, 2654435769) >>> 8) / 2 ** 24);
      assert.equal(torchMean(values), floats(mean)[0], `${n} values`);
    }
  });
});
