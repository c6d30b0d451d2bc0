import assert from "node:assert/strict";
import { isNf4, nf4Entries, readNf4 } from "../../../lib/quant/checkpoint.js";
import { dequantizeNf4, quantizeNf4 } from "../../../lib/quant/nf4.js";
import type { QuantState } from "../../../lib/quant/quantState.js";
import { MemorySource } from "../formats/memorySource.js";
import { floats, golden } from "./golden.js";

interface Case {
  name: string;
  shape: number[];
  dtype: QuantState["dtype"];
  blockSize: number;
  doubleQuant: boolean;
  values: string;
  quantState: string;
  tensors: Record<string, [string, number[]]>;
}

const { cases } = golden<{ cases: Case[] }>("nf4.json");
const weight = "model.layers.0.mlp.up_proj.weight";
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("NF4 in checkpoints", () => {
  for (const { name, values, shape, dtype, blockSize, doubleQuant, quantState, tensors } of cases) {
    it(`writes the tensors that bitsandbytes writes, and reads them back: ${name}`, () => {
      const state = quantizeNf4(floats(values), { shape, dtype, blockSize, doubleQuant });
      const entries = nf4Entries(weight, state);
      const written = Object.fromEntries(
        entries
          .slice(1)
          .map((entry) => [
            entry.name.slice(weight.length + 1),
            [entry.dtype === "U8" ? "torch.uint8" : "torch.float32", [...entry.shape]],
          ]),
      );
      assert.deepEqual(written, tensors);
      assert.equal(Buffer.from(entries.at(-1)!.data).toString(), quantState);
      const source = new MemorySource(entries);
      assert.ok(isNf4(source, weight));
      const read = readNf4(source, weight);
      assert.deepEqual({ ...read, nestedCode: null }, { ...state, nestedCode: null });
      assert.deepEqual(dequantizeNf4(read), dequantizeNf4(state));
    });
  }

  const entries = nf4Entries(weight, quantizeNf4(new Float32Array(128).fill(1), { shape: [2, 64] }));
  const withState = (json: string): MemorySource =>
    new MemorySource(entries.map((entry) => (entry.name.endsWith("nf4") ? { ...entry, data: utf8(json) } : entry)));

  it("refuses a state that is no JSON, of another type, or that its bytes contradict", () => {
    assert.throws(() => readNf4(withState("{"), weight), /quantisation state of model\.layers.*is not JSON/);
    assert.throws(() => readNf4(withState('{"quant_type": "fp4"}'), weight), /"fp4", only "nf4" is supported/);
    const state = (shape: string, blocksize: string): string =>
      `{"quant_type": "nf4", "blocksize": ${blocksize}, "dtype": "bfloat16", "shape": ${shape}}`;
    assert.throws(
      () => readNf4(withState(state("[3, 64]", "64")), weight),
      /holds 64 bytes, but its NF4 shape \[3, 64\]/,
    );
    assert.throws(() => readNf4(withState(state("[2, 64]", "32")), weight), /absmax holds 2 values, expected 4/);
    assert.throws(() => readNf4(withState(state('"big"', "64")), weight), /says shape "big"/);
    assert.throws(() => readNf4(withState(state("[2, 64]", "0")), weight), /says blocksize 0/);
  });

  it("names FP4 as what it cannot read", () => {
    const source = new MemorySource([
      { name: `${weight}.quant_state.bitsandbytes__fp4`, dtype: "U8", shape: [0], data: utf8("") },
    ]);
    assert.throws(() => isNf4(source, weight), /quantised to FP4, which is not supported\. Use an NF4 checkpoint\./);
  });
});
