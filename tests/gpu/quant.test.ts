/** NF4 and 8-bit codes on the GPU against the TypeScript implementation of bitsandbytes' CUDA rounding. */
import assert from "node:assert/strict";
import { quantizeBlockwise } from "../../lib/quant/blockwise8.js";
import { SIGNED_DYNAMIC_MAP } from "../../lib/quant/dynamicMap.js";
import { dequantizeNf4, NF4_CODE, quantizeNf4 } from "../../lib/quant/nf4.js";
import { normal } from "../lib/native/reference/random.js";
import { cuda, down, downBytes, empty, note, onGpu, REALS, rounded, up } from "./device.js";

const COUNT = 64 * 70_000 + 34;

/** How many elements differ: the GPU's reciprocal is approximate, the emulation's is not. */
function differences(actual: Uint8Array, expected: Uint8Array): number {
  return actual.reduce((sum, value, i) => sum + (value === expected[i] ? 0 : 1), 0);
}

onGpu("CUDA quantisation", () => {
  const values = normal(1, COUNT, 0.02);
  values.fill(0, 640, 704);

  for (const dtype of REALS)
    it(`quantises ${dtype} to NF4 like the TypeScript reference`, () => {
      const input = dtype === "f32" ? values : rounded(values, dtype);
      const expected = quantizeNf4(input, { doubleQuant: false, variant: "cuda" });
      const blocks = expected.absmax.length;
      const [packed, absmax] = [empty(expected.packed.length, "u8"), empty(blocks)];
      cuda.quantizeNf4(up(values, dtype), 64, "cuda", packed, absmax);
      assert.deepEqual(down(absmax), expected.absmax);
      const wrong = differences(downBytes(packed), expected.packed);
      note(`NF4 ${dtype}: ${wrong} of ${expected.packed.length} bytes differ from the exact reciprocal's`);
      assert.ok(wrong <= expected.packed.length * 1e-5);
    });

  it("quantises scales a second time", () => {
    const plain = quantizeNf4(values, { doubleQuant: false, variant: "cuda" });
    const expected = quantizeNf4(values, { variant: "cuda" });
    const absmax = up(plain.absmax as Float32Array);
    const [codes, nested] = [empty(absmax.length, "u8"), empty(expected.nestedAbsmax.length)];
    const mean = empty(1);
    cuda.quantizeScales(absmax, 256, up(SIGNED_DYNAMIC_MAP), codes, nested, mean);
    const offset = down(mean)[0]!;
    assert.ok(Math.abs(offset - expected.offset) <= 2 ** -23 * expected.offset, `${offset} ${expected.offset}`);
    const wrong = differences(downBytes(codes), expected.absmax as Uint8Array);
    note(
      `double quantisation: offset ${offset} (reference ${expected.offset}), ${wrong} of ${absmax.length} codes differ`,
    );
    assert.ok(wrong <= absmax.length * 1e-4);
  });

  for (const doubleQuant of [true, false])
    for (const [rows, width] of [
      [300, 128],
      [37, 100],
    ] as const)
      it(`dequantises [${rows}, ${width}] bit for bit, ${doubleQuant ? "with" : "without"} double quantisation`, () => {
        const state = quantizeNf4(values.slice(0, rows * width), {
          shape: [rows, width],
          doubleQuant,
          variant: "cuda",
        });
        const onDevice = {
          ...state,
          packed: cuda.upload(state.packed),
          absmax: cuda.upload(state.absmax),
          nestedAbsmax: up(state.nestedAbsmax),
          code: up(NF4_CODE),
          nestedCode: up(SIGNED_DYNAMIC_MAP),
        };
        const expected = dequantizeNf4(state);
        for (const dtype of REALS) {
          const target = empty(rows * width, dtype);
          cuda.dequantizeNf4(onDevice, target);
          assert.deepEqual(down(target), dtype === "f32" ? expected : rounded(expected, dtype));
        }
      });

  it("quantises and dequantises 8-bit blocks", () => {
    const expected = quantizeBlockwise(values, SIGNED_DYNAMIC_MAP, 256, "cuda");
    const [codes, absmax, back] = [empty(COUNT, "u8"), empty(expected.absmax.length), empty(COUNT)];
    cuda.quantizeBlockwise(up(values), up(SIGNED_DYNAMIC_MAP), 256, "cuda", codes, absmax);
    assert.deepEqual(down(absmax), expected.absmax);
    const wrong = differences(downBytes(codes), expected.quantized);
    note(`8-bit: ${wrong} of ${COUNT} codes differ from the exact reciprocal's`);
    assert.ok(wrong <= COUNT * 1e-4);
    cuda.dequantizeBlockwise(codes, absmax, up(SIGNED_DYNAMIC_MAP), 256, back);
    const gpuCodes = downBytes(codes);
    assert.deepEqual(
      down(back),
      Float32Array.from(gpuCodes, (code, i) => SIGNED_DYNAMIC_MAP[code]! * expected.absmax[Math.floor(i / 256)]!),
    );
  });
});
