import assert from "node:assert/strict";
import type { HostBuffers, NativeLoraGradient } from "../../../lib/native/opTable.js";
import { PROJECTIONS, type Projection, SAVINGS, type Saving } from "../../../lib/tensor/layers.js";
import { cpu } from "./reference/addon.js";
import { assertClose } from "./reference/compare.js";
import { decoderLayer as reference } from "./reference/decoderLayer.js";
import {
  type Descriptor,
  GEOMETRY,
  type LayerOptions,
  pack,
  randomLayer,
  randomLora,
  referenceLayer,
} from "./reference/layers.js";
import { normal } from "./reference/random.js";

const HIDDEN = GEOMETRY.hiddenSize;
const ALL_RANKS = { q_proj: 2, k_proj: 3, v_proj: 2, o_proj: 4, gate_proj: 2, up_proj: 1, down_proj: 3 };
const EVALUATION = { saving: "all", training: false, seed: 0 } as const;

type Gradients = Partial<Record<Projection, { a: Float32Array; b: Float32Array }>>;

function zeroGradients(layer: Descriptor): Gradients {
  const result: Gradients = {};
  for (const name of PROJECTIONS) {
    const { lora } = layer.projections[name];
    if (lora) result[name] = { a: new Float32Array(lora.a.length), b: new Float32Array(lora.b.length) };
  }
  return result;
}

function run(
  layer: Descriptor,
  lengths: readonly number[],
  x: Float32Array,
  options: { saving: Saving; training: boolean; seed: number },
  dy: Float32Array,
) {
  const handle = cpu.createDecoderLayer(layer);
  const batch = pack(lengths);
  const y = new Float32Array(x.length);
  const dx = new Float32Array(x.length);
  const gradients = zeroGradients(layer);
  const state = cpu.decoderLayerForward(handle, x, y, batch, options);
  cpu.decoderLayerBackward(handle, state, x, dy, dx, batch, gradients);
  cpu.dispose(handle);
  return { y, dx, gradients };
}

/** Central differences of sum(y dy) in every element of `parameter`, computed in float64. */
function differences(parameter: Float64Array, loss: () => number): Float64Array {
  const step = 1e-5;
  return parameter.map((value, i) => {
    parameter[i] = value + step;
    const above = loss();
    parameter[i] = value - step;
    const below = loss();
    parameter[i] = value;
    return (above - below) / (2 * step);
  });
}

function checkAgainstReference(options: LayerOptions, lengths: readonly number[], seed: number | null): void {
  const layer = randomLayer(options);
  const { rows, ...batch } = pack(lengths);
  const x = normal(7, rows * HIDDEN);
  const dy = normal(8, rows * HIDDEN);
  const { y, dx, gradients } = run(layer, lengths, x, { saving: "all", training: seed !== null, seed: seed ?? 0 }, dy);

  const twin = referenceLayer(layer);
  const input = Float64Array.from(x);
  assertClose(y, reference(input, twin, batch, seed), 2e-6, "outputs");
  const loss = () => reference(input, twin, batch, seed).reduce((sum, value, i) => sum + value * dy[i]!, 0);
  assertClose(dx, differences(input, loss), 5e-6, "input gradients");
  for (const name of PROJECTIONS) {
    const { lora } = twin.projections[name];
    if (!lora) continue;
    assertClose(gradients[name]!.a, differences(lora.a, loss), 5e-6, `${name} A gradients`);
    assertClose(gradients[name]!.b, differences(lora.b, loss), 5e-6, `${name} B gradients`);
  }
}

describe("native decoder layer", () => {
  it("matches the reference and its differences with LoRA and bias everywhere", () => {
    checkAgainstReference({ ranks: ALL_RANKS, biases: PROJECTIONS }, [5, 1, 4], null);
  });

  it("matches them with LoRA on some projections only", () => {
    checkAgainstReference(
      { ranks: { q_proj: 2, v_proj: 3, down_proj: 2 }, biases: ["q_proj", "k_proj", "v_proj"] },
      [3, 4],
      null,
    );
  });

  it("matches them without LoRA", () => checkAgainstReference({}, [4], null));

  it("matches them with dropout", () => {
    checkAgainstReference({ ranks: ALL_RANKS, dropout: 0.4 }, [4, 3], 123456789);
  });
});

describe("native decoder layer, larger", () => {
  const geometry = { ...GEOMETRY, hiddenSize: 64, intermediateSize: 96, numHeads: 4, numKvHeads: 2, headDim: 16 };
  const layer = randomLayer({ geometry, ranks: { ...ALL_RANKS, q_proj: 16 }, dropout: 0.1, biases: ["q_proj"] });
  const lengths = [70, 1, 0, 133, 64];
  const x = normal(3, 268 * 64);
  const dy = normal(4, 268 * 64);

  it("computes packed sequences as it computes them one by one", () => {
    const whole = run(layer, lengths, x, EVALUATION, dy);
    const sums = zeroGradients(layer);
    let first = 0;
    for (const length of lengths) {
      const [from, to] = [first * 64, (first + length) * 64];
      const part = run(layer, [length], x.slice(from, to), EVALUATION, dy.slice(from, to));
      assertClose(part.y, whole.y.slice(from, to), 2e-6);
      assertClose(part.dx, whole.dx.slice(from, to), 5e-6);
      for (const [name, gradient] of Object.entries(part.gradients) as [
        Projection,
        NativeLoraGradient<HostBuffers>,
      ][]) {
        gradient.a!.forEach((value, i) => {
          sums[name]!.a[i]! += value;
        });
        gradient.b!.forEach((value, i) => {
          sums[name]!.b[i]! += value;
        });
      }
      first += length;
    }
    for (const name of PROJECTIONS) {
      assertClose(sums[name]!.a, whole.gradients[name]!.a, 5e-6, name);
      assertClose(sums[name]!.b, whole.gradients[name]!.b, 5e-6, name);
    }
  });

  it("gives the same bits whatever it saves", () => {
    for (const biases of [["q_proj"], PROJECTIONS] as const) {
      const given = randomLayer({ geometry, ranks: { ...ALL_RANKS, q_proj: 16 }, dropout: 0.1, biases });
      const [all, ...others] = SAVINGS.map((saving) => {
        return run(given, lengths, x, { saving, training: true, seed: 99 }, dy);
      });
      for (const other of others) assert.deepEqual(other, all);
    }
  });

  it("holds less memory between the passes the less it saves, and makes dx where dy is", () => {
    const handle = cpu.createDecoderLayer(layer);
    const batch = pack(lengths);
    const { dx } = run(layer, lengths, x, { ...EVALUATION, training: true }, dy);
    const held = SAVINGS.map((saving) => {
      const before = cpu.memory().inUse;
      const options = { saving, training: true, seed: 0 };
      const state = cpu.decoderLayerForward(handle, x, new Float32Array(x.length), batch, options);
      const kept = cpu.memory().inUse - before;
      const gradient = dy.slice();
      cpu.decoderLayerBackward(handle, state, x, gradient, gradient, batch, zeroGradients(layer));
      assert.deepEqual(gradient, dx);
      cpu.dispose(state);
      return kept;
    });
    const [all, selected, none] = held as [number, number, number];
    assert.equal(none, 0);
    assert.ok(selected > 0.5 * all && selected < 0.9 * all, held.join(", "));
    cpu.dispose(handle);
  });

  it("gives the same bits every time", () => {
    const options = { training: true, seed: 5, saving: "all" } as const;
    assert.deepEqual(run(layer, lengths, x, options, dy), run(layer, lengths, x, options, dy));
  });

  it("makes the same LoRA gradients without the input's gradient, and adds them", () => {
    const { gradients } = run(layer, lengths, x, EVALUATION, dy);
    const handle = cpu.createDecoderLayer(layer);
    const batch = pack(lengths);
    const twice = zeroGradients(layer);
    for (let i = 0; i < 2; i++) {
      const state = cpu.decoderLayerForward(handle, x, new Float32Array(x.length), batch, EVALUATION);
      cpu.decoderLayerBackward(handle, state, x, dy, null, batch, twice);
    }
    for (const name of PROJECTIONS)
      assertClose(
        twice[name]!.a,
        gradients[name]!.a.map((v) => 2 * v),
        1e-6,
        name,
      );
  });

  it("takes LoRA pairs on and off", () => {
    const bare = randomLayer({ geometry, biases: ["q_proj"] });
    const handle = cpu.createDecoderLayer(bare);
    const batch = pack(lengths);
    const forward = () => {
      const y = new Float32Array(x.length);
      cpu.dispose(cpu.decoderLayerForward(handle, x, y, batch, EVALUATION));
      return y;
    };
    const before = forward();
    for (const name of PROJECTIONS) cpu.setLora(handle, name, layer.projections[name].lora);
    assertClose(forward(), run(layer, lengths, x, EVALUATION, dy).y, 1e-6);
    for (const name of PROJECTIONS) cpu.setLora(handle, name, null);
    assert.deepEqual(forward(), before);
  });

  it("sees changes of LoRA values in place", () => {
    const { lora } = layer.projections.q_proj;
    const changed = {
      ...layer,
      projections: {
        ...layer.projections,
        q_proj: { ...layer.projections.q_proj, lora: { ...lora!, b: lora!.b.slice() } },
      },
    };
    const handle = cpu.createDecoderLayer(changed);
    const y = new Float32Array(x.length);
    const forward = () => cpu.dispose(cpu.decoderLayerForward(handle, x, y, pack(lengths), EVALUATION));
    forward();
    changed.projections.q_proj.lora.b.fill(0);
    forward();
    assert.deepEqual(y, run(changed, lengths, x, EVALUATION, dy).y);
  });
});

describe("native decoder layer, bad arguments", () => {
  const layer = randomLayer({ ranks: { q_proj: 2 } });
  const batch = pack([3, 2]);
  const x = normal(1, 5 * HIDDEN);

  it("refuses a layer that does not fit its geometry", () => {
    const { projections } = layer;
    const bad = (part: object) => () => cpu.createDecoderLayer({ ...layer, ...part } as Descriptor);
    assert.throws(bad({ inputNorm: new Float32Array(3) }), /layer.inputNorm has 3 elements, expected 12/);
    assert.throws(bad({ geometry: { ...GEOMETRY, numKvHeads: 3 } }), /multiple of numKvHeads/);
    assert.throws(bad({ geometry: { ...GEOMETRY, hiddenSize: 1.5 } }), /geometry.hiddenSize must be an integer/);
    assert.throws(bad({ projections: { ...projections, q_proj: null } }), /q_proj must be an object/);
    assert.throws(bad({ projections: { ...projections, q_proj: projections.k_proj } }), /q_proj is \[12, 12\]/);
    assert.throws(() => (cpu.createDecoderLayer as unknown as () => void)(), /layer must be an object/);
  });

  it("refuses a LoRA pair that does not fit", () => {
    const handle = cpu.createDecoderLayer(layer);
    const lora = randomLora(1, 12, 24, 2);
    assert.throws(() => cpu.setLora(handle, "q_proj", { ...lora, a: new Float32Array(13) }), /q_proj.lora.a has 13/);
    assert.throws(() => cpu.setLora(handle, "q_proj", { ...lora, b: new Float32Array(13) }), /q_proj.lora.b has 13/);
    assert.throws(() => cpu.setLora(handle, "q_proj", { ...lora, dropout: 1 }), /dropout must be in \[0, 1\)/);
    assert.throws(() => cpu.setLora(handle, "x_proj" as Projection, lora), /Unknown projection "x_proj"/);
  });

  it("refuses batches that do not fit x", () => {
    const handle = cpu.createDecoderLayer(layer);
    const forward =
      (part: object, input = x, y = new Float32Array(x.length)) =>
      () =>
        cpu.decoderLayerForward(handle, input, y, { ...batch, ...part }, EVALUATION);
    assert.throws(forward({}, x.slice(1)), /y has 60 elements, expected 59/);
    assert.throws(forward({}, x.slice(1), new Float32Array(59)), /expected rows of 12/);
    assert.throws(forward({ cuSeqlens: Int32Array.of(0, 4) }), /must run from 0 to the number of rows, 5/);
    assert.throws(forward({ cuSeqlens: Int32Array.of(0, 6, 5) }), /must not decrease/);
    assert.throws(forward({ positions: new Int32Array(4) }), /batch.positions has 4 elements, expected 5/);
    assert.throws(forward({ positions: Int32Array.of(0, 1, 2, 0, -1) }), /batch.positions\[4\] is -1/);
    assert.throws(forward({}, new Float64Array(60) as unknown as Float32Array), /x must be a Float32Array/);
  });

  it("refuses wrong, used and disposed handles", () => {
    const handle = cpu.createDecoderLayer(layer);
    const y = new Float32Array(x.length);
    const state = cpu.decoderLayerForward(handle, x, y, batch, EVALUATION);
    const backward =
      (s: unknown, h: unknown = handle) =>
      () =>
        cpu.decoderLayerBackward(h as typeof handle, s as typeof state, x, y, null, batch, {});
    assert.throws(backward({}), /Expected the handle of a decoder layer state/);
    assert.throws(backward(handle), /Expected the handle of a decoder layer state/);
    assert.throws(backward(state, 7), /Expected the handle of a decoder layer/);
    backward(state)();
    assert.throws(backward(state), /used by a backward pass already/);
    cpu.dispose(handle);
    cpu.dispose(handle);
    assert.throws(backward(state), /disposed of already/);
    assert.throws(() => cpu.dispose({}), /expects a handle/);
  });

  it("refuses gradients for a projection without LoRA", () => {
    const handle = cpu.createDecoderLayer(layer);
    const state = cpu.decoderLayerForward(handle, x, new Float32Array(x.length), batch, EVALUATION);
    const gradients = { k_proj: { a: new Float32Array(24), b: new Float32Array(24) } };
    assert.throws(() => cpu.decoderLayerBackward(handle, state, x, x, null, batch, gradients), /no LoRA pair/);
  });

  it("refuses weights whose memory was taken away", () => {
    const gone = randomLayer({});
    const handle = cpu.createDecoderLayer(gone);
    structuredClone(gone.inputNorm, { transfer: [gone.inputNorm.buffer as ArrayBuffer] });
    assert.throws(
      () => cpu.decoderLayerForward(handle, x, new Float32Array(60), batch, EVALUATION),
      /inputNorm has 0 elements/,
    );
  });
});
