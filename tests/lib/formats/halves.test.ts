import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { bf16ToFloat32, f16ToFloat32, float32ToBf16, float32ToF16 } from "../../../lib/formats/halves.js";

const reference = JSON.parse(readFileSync(new URL("./golden/halves.json", import.meta.url), "utf8")) as Record<
  "values" | "bf16" | "f16" | "fromBf16" | "fromF16",
  string
>;
const buffer = (base64: string): ArrayBuffer => Uint8Array.from(Buffer.from(base64, "base64")).buffer;
const values = new Float32Array(buffer(reference.values));

describe("16-bit floating point", () => {
  it("rounds to bfloat16 as torch does", () => {
    assert.deepEqual(float32ToBf16(values), new Uint16Array(buffer(reference.bf16)));
  });

  it("rounds to float16 as torch does, subnormal and infinite values too", () => {
    assert.deepEqual(float32ToF16(values), new Uint16Array(buffer(reference.f16)));
  });

  it("reads both back as torch does", () => {
    assert.deepEqual(bf16ToFloat32(float32ToBf16(values)), new Float32Array(buffer(reference.fromBf16)));
    assert.deepEqual(f16ToFloat32(float32ToF16(values)), new Float32Array(buffer(reference.fromF16)));
  });

  it("keeps NaN a NaN", () => {
    const nan = Float32Array.of(Number.NaN);
    assert.ok(Number.isNaN(bf16ToFloat32(float32ToBf16(nan))[0]));
    assert.ok(Number.isNaN(f16ToFloat32(float32ToF16(nan))[0]));
  });

  it("takes every float16 through float32 and back unchanged", () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((bits) => (bits & 0x7fff) <= 0x7c00);
    assert.deepEqual(float32ToF16(f16ToFloat32(all)), all);
  });
});
