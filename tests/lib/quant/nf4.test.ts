import assert from "node:assert/strict";
import { bf16ToFloat32, float32ToBf16 } from "../../../lib/formats/halves.js";
import { dequantizeNf4, NF4_CODE, quantizeNf4 } from "../../../lib/quant/nf4.js";
import type { QuantState } from "../../../lib/quant/quantState.js";
import { bytes, floats, golden } from "./golden.js";

interface Case {
  name: string;
  shape: number[];
  dtype: QuantState["dtype"];
  blockSize: number;
  doubleQuant: boolean;
  values: string;
  packed: string;
  absmax: string;
  restored: string;
  offset?: string;
  nestedAbsmax?: string;
}

const reference = golden<{ code: string; cases: Case[] }>("nf4.json");

describe("quantizeNf4", () => {
  it("uses bitsandbytes' code", () => assert.deepEqual(NF4_CODE, floats(reference.code)));

  for (const expected of reference.cases) {
    it(`equals bitsandbytes on the CPU: ${expected.name}`, () => {
      const { shape, dtype, blockSize, doubleQuant } = expected;
      const state = quantizeNf4(floats(expected.values), { shape, dtype, blockSize, doubleQuant });
      assert.deepEqual(state.packed, bytes(expected.packed));
      assert.deepEqual(state.absmax, doubleQuant ? bytes(expected.absmax) : floats(expected.absmax));
      if (doubleQuant) {
        assert.equal(state.offset, floats(expected.offset!)[0]);
        assert.deepEqual(state.nestedAbsmax, floats(expected.nestedAbsmax!));
      }
      const restored = dequantizeNf4(state);
      assert.deepEqual(
        dtype === "bfloat16" ? bf16ToFloat32(float32ToBf16(restored)) : restored,
        floats(expected.restored),
      );
    });
  }

  it("gives a block of zeros code 0 in the CUDA variant, code 7 in the CPU variant", () => {
    const zeros = new Float32Array(64);
    assert.ok(quantizeNf4(zeros, { doubleQuant: false, variant: "cuda" }).packed.every((byte) => byte === 0));
    assert.ok(quantizeNf4(zeros, { doubleQuant: false }).packed.every((byte) => byte === 0x77));
    assert.ok(dequantizeNf4(quantizeNf4(zeros, { doubleQuant: false, variant: "cuda" })).every((x) => x === 0));
  });

  it("puts a value on a threshold below it in both variants", () => {
    const threshold = Math.fround(0.03979014977812767);
    const values = new Float32Array(64).fill(threshold);
    values[0] = 1;
    for (const variant of ["cpu", "cuda"] as const) {
      assert.equal(quantizeNf4(values, { variant }).packed[1], 0x77);
    }
  });

  it("takes no values at all", () => {
    const state = quantizeNf4(new Float32Array(0), { shape: [0, 8] });
    assert.equal(dequantizeNf4(state).length, 0);
  });

  it("refuses what cannot be", () => {
    assert.throws(
      () => quantizeNf4(new Float32Array(64), { blockSize: 48 }),
      /NF4 has no block size 48\. Use one of 32/,
    );
    assert.throws(() => quantizeNf4(new Float32Array(64), { shape: [8, 9] }), /\[8, 9\] holds 72 values, but 64/);
    const misspelt = { blocksize: 64 } as object;
    assert.throws(() => quantizeNf4(new Float32Array(64), misspelt), /Unknown option "blocksize".*"blockSize"/);
  });
});
