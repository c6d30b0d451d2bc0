import assert from "node:assert/strict";
import type { HostBuffers, NativeLinear } from "../../../lib/native/opTable.js";
import { dequantizeNf4, quantizeNf4 } from "../../../lib/quant/nf4.js";
import { cpu } from "./reference/addon.js";
import { assertClose } from "./reference/compare.js";
import { dropoutFactor, linear as reference, timesTransposed } from "./reference/decoderLayer.js";
import { randomLora } from "./reference/layers.js";
import { normal } from "./reference/random.js";

const IN = 100;
const OUT = 37;
const ROWS = 45;
const RANK = 3;
const OFF = { training: false, seed: 0 };

/** [out, in], in not a multiple of the block size: rows start inside blocks. */
const state = quantizeNf4(normal(1, IN * OUT, 0.1), { shape: [OUT, IN] });

function descriptor(part: Partial<NativeLinear<HostBuffers>> = {}): NativeLinear<HostBuffers> {
  return { inFeatures: IN, outFeatures: OUT, weight: { kind: "nf4", state }, bias: null, lora: null, ...part };
}

/** [columns, rows] of a matrix [rows, columns]. */
function transposed(matrix: ArrayLike<number>, columns: number, rows: number): Float64Array {
  return Float64Array.from({ length: rows * columns }, (_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]!);
}

describe("native linear layer", () => {
  afterEach(() => cpu.setPanelBudget(2 ** 30));

  const x = normal(2, ROWS * IN);
  const dy = normal(3, ROWS * OUT);
  const weight = Float64Array.from(dequantizeNf4(state));

  for (const budget of [2 ** 30, 0])
    for (const dropout of [0, 0.3])
      it(`matches the reference, ${budget ? "panel kept" : "expanded tile by tile"}, dropout ${dropout}`, () => {
        cpu.setPanelBudget(budget);
        const options = { training: dropout > 0, seed: 77 };
        const lora = randomLora(4, IN, OUT, RANK, dropout);
        const bias = normal(6, OUT);
        const handle = cpu.createLinear(descriptor({ bias, lora }));
        const y = new Float32Array(ROWS * OUT);
        cpu.linearForward(handle, x, y, options);
        const [a, b] = [Float64Array.from(lora.a), Float64Array.from(lora.b)];
        const twin = { in: IN, out: OUT, weight, bias: Float64Array.from(bias), lora: { ...lora, a, b, rank: RANK } };
        assertClose(y, reference(Float64Array.from(x), twin, 0, dropout ? 77 : null), 1e-6, "y");

        const dx = new Float32Array(ROWS * IN);
        const gradient = { a: new Float32Array(a.length), b: new Float32Array(b.length) };
        cpu.linearBackward(handle, x, dy, dx, gradient, options);
        const mask = Float64Array.from(x, (_, i) => (dropout ? dropoutFactor(77, 0, i, dropout) : 1));
        const dropped = Float64Array.from(x, (value, i) => value * mask[i]!);
        // dt = s dy B, dx = dy W + mask (dt A), dA = dtᵀ (mask x), dB = s dyᵀ t
        const dt = timesTransposed(Float64Array.from(dy), transposed(b, RANK, OUT), OUT, RANK).map(
          (v) => v * lora.scaling,
        );
        const low = timesTransposed(dt, transposed(a, IN, RANK), RANK, IN);
        const main = timesTransposed(Float64Array.from(dy), transposed(weight, IN, OUT), OUT, IN);
        assertClose(
          dx,
          main.map((v, i) => v + mask[i]! * low[i]!),
          1e-6,
          "dx",
        );
        assertClose(
          gradient.a,
          timesTransposed(transposed(dt, RANK, ROWS), transposed(dropped, IN, ROWS), ROWS, IN),
          2e-6,
          "dA",
        );
        const t = timesTransposed(dropped, a, IN, RANK);
        const db = timesTransposed(transposed(dy, OUT, ROWS), transposed(t, RANK, ROWS), ROWS, RANK);
        assertClose(
          gradient.b,
          db.map((v) => v * lora.scaling),
          2e-6,
          "dB",
        );
        cpu.dispose(handle);
      });

  it("works without LoRA and without the input's gradient", () => {
    const handle = cpu.createLinear(descriptor());
    const y = new Float32Array(ROWS * OUT);
    cpu.linearForward(handle, x, y, OFF);
    assertClose(y, timesTransposed(Float64Array.from(x), weight, IN, OUT), 1e-6);
    cpu.linearBackward(handle, x, dy, null, null, OFF);
    const dx = new Float32Array(x.length);
    cpu.linearBackward(handle, x, dy, dx, null, OFF);
    assertClose(dx, timesTransposed(Float64Array.from(dy), transposed(weight, IN, OUT), OUT, IN), 1e-6);
  });

  it("uses a dense weight in place", () => {
    const values = normal(9, IN * OUT);
    const handle = cpu.createLinear(descriptor({ weight: { kind: "dense", values } }));
    const y = new Float32Array(ROWS * OUT);
    const before = cpu.memory().panels;
    cpu.linearForward(handle, x, y, OFF);
    assert.equal(cpu.memory().panels, before);
    assertClose(y, timesTransposed(Float64Array.from(x), Float64Array.from(values), IN, OUT), 1e-6);
  });

  it("takes a LoRA pair on and off", () => {
    const handle = cpu.createLinear(descriptor());
    const forward = () => {
      const y = new Float32Array(ROWS * OUT);
      cpu.linearForward(handle, x, y, OFF);
      return y;
    };
    const bare = forward();
    cpu.setLinearLora(handle, randomLora(4, IN, OUT, 16));
    assert.notDeepEqual(forward(), bare);
    cpu.setLinearLora(handle, null);
    assert.deepEqual(forward(), bare);
  });

  it("gives rows of its weight as an embedding", () => {
    const handle = cpu.createLinear(descriptor());
    const y = new Float32Array(3 * IN);
    cpu.embedding(handle, Int32Array.of(36, 0, 17), y);
    assert.deepEqual(
      y,
      Float32Array.from([36, 0, 17].flatMap((row) => [...weight.subarray(row * IN, (row + 1) * IN)])),
    );
    assert.throws(() => cpu.embedding(handle, Int32Array.of(0, 37, 1), y), /ids\[1\] is 37, expected 0 to 36/);
    assert.throws(() => cpu.embedding(handle, Int32Array.of(-1, 0, 1), y), /ids\[0\] is -1/);
    assert.throws(() => cpu.embedding(handle, Int32Array.of(0), y), /y has 300 elements, expected 100/);
  });

  it("refuses what does not fit", () => {
    const handle = cpu.createLinear(descriptor());
    assert.throws(() => cpu.createLinear(descriptor({ inFeatures: 99 })), /weight.state.packed has 1850 elements/);
    assert.throws(
      () => cpu.createLinear(descriptor({ bias: new Float32Array(3) })),
      /bias has 3 elements, expected 37/,
    );
    assert.throws(() => cpu.linearForward(handle, x, new Float32Array(3), OFF), /y has 3 elements, expected 1665/);
    assert.throws(() => cpu.linearForward(handle, new Float32Array(101), x, OFF), /expected rows of 100/);
    const gradient = { a: new Float32Array(300), b: new Float32Array(111) };
    assert.throws(() => cpu.linearBackward(handle, x, dy, null, gradient, OFF), /no LoRA pair/);
    assert.throws(() => cpu.linearForward({}, x, dy, OFF), /Expected the handle of a linear layer/);
  });
});
