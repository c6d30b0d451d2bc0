/** The decoder layer on the GPU against the CPU op: f32 to 1e-4, halves to their own precision. */
import assert from "node:assert/strict";
import { PROJECTIONS, SAVINGS, type Saving } from "../../lib/tensor/layers.js";
import { type Descriptor, GEOMETRY, pack, randomLayer } from "../lib/native/reference/layers.js";
import { normal } from "../lib/native/reference/random.js";
import { allowed, close, closeInNorm, cpu, cuda, down, empty, HALVES, onGpu, type Real, up } from "./device.js";
import {
  deviceGradients,
  downGradients,
  type HostGradients,
  hostGradients,
  layerOnDevice,
  quantized,
} from "./layers.js";

interface Options {
  saving: Saving;
  training: boolean;
  seed: number;
}
const EVALUATION: Options = { saving: "all", training: false, seed: 0 };
const RANKS = { q_proj: 16, k_proj: 16, v_proj: 16, o_proj: 16, gate_proj: 16, up_proj: 16, down_proj: 16 };
const SMALL_RANKS = { q_proj: 2, k_proj: 3, v_proj: 2, o_proj: 4, gate_proj: 2, up_proj: 1, down_proj: 3 };
const BIASES = ["q_proj", "k_proj", "v_proj"] as const;
const MIDDLE = { ...GEOMETRY, hiddenSize: 256, intermediateSize: 384, numHeads: 4, numKvHeads: 2, headDim: 64 };
const WIDE = { ...GEOMETRY, hiddenSize: 640, intermediateSize: 1024, numHeads: 5, numKvHeads: 1, headDim: 128 };

function onCpu(
  layer: Descriptor,
  lengths: readonly number[],
  x: Float32Array,
  dy: Float32Array,
  options: Options,
): Result {
  const handle = cpu.createDecoderLayer(layer);
  const [y, dx, gradients] = [new Float32Array(x.length), new Float32Array(x.length), hostGradients(layer)];
  const batch = pack(lengths);
  const state = cpu.decoderLayerForward(handle, x, y, batch, options);
  cpu.decoderLayerBackward(handle, state, x, dy, dx, batch, gradients);
  return { y, dx, gradients };
}

function onDevice(
  layer: Descriptor,
  lengths: readonly number[],
  x: Float32Array,
  dy: Float32Array,
  options: Options,
  dtype: Real = "f32",
) {
  const handle = cuda.createDecoderLayer(layerOnDevice(layer, dtype));
  const input = up(x, dtype);
  const [y, dx, gradients] = [empty(x.length, dtype), empty(x.length, dtype), deviceGradients(layer)];
  const batch = pack(lengths);
  const state = cuda.decoderLayerForward(handle, input, y, batch, options);
  cuda.decoderLayerBackward(handle, state, input, up(dy, dtype), dx, batch, gradients);
  cuda.dispose(handle);
  return { y: down(y), dx: down(dx), gradients: downGradients(gradients) };
}

interface Result {
  y: Float32Array;
  dx: Float32Array;
  gradients: HostGradients;
}

function compare(what: string, actual: Result, expected: Result, tolerance: number, inNorm: boolean): void {
  const check = inNorm ? closeInNorm : close;
  check(`${what} y`, actual.y, expected.y, tolerance);
  check(`${what} dx`, actual.dx, expected.dx, 2 * tolerance);
  for (const name of PROJECTIONS) {
    const [a, e] = [actual.gradients[name], expected.gradients[name]];
    if (!a || !e) continue;
    check(`${what} ${name} dA`, a.a, e.a, 3 * tolerance);
    check(`${what} ${name} dB`, a.b, e.b, 3 * tolerance);
  }
}

onGpu("CUDA decoder layer", () => {
  const cases: [string, Descriptor, readonly number[], Options][] = [
    ["tiny", randomLayer({ ranks: SMALL_RANKS, biases: PROJECTIONS }), [5, 1, 4], EVALUATION],
    ["tiny, no LoRA", randomLayer({}), [4], EVALUATION],
    [
      "tiny, dropout",
      randomLayer({ ranks: SMALL_RANKS, dropout: 0.4 }),
      [4, 30],
      { ...EVALUATION, training: true, seed: 123456789 },
    ],
    ["dim 64", randomLayer({ geometry: MIDDLE, ranks: RANKS, biases: BIASES }), [70, 1, 0, 133, 64], EVALUATION],
    ["dim 64 NF4", quantized(randomLayer({ geometry: MIDDLE, ranks: RANKS, biases: BIASES })), [70, 33], EVALUATION],
    [
      "dim 64 NF4, 3 rows",
      quantized(randomLayer({ geometry: MIDDLE, ranks: RANKS, biases: BIASES })),
      [2, 1],
      EVALUATION,
    ],
    [
      "dim 128 NF4, dropout",
      quantized(randomLayer({ geometry: WIDE, ranks: RANKS, dropout: 0.1 })),
      [100, 41],
      { saving: "none", training: true, seed: 7 },
    ],
  ];
  for (const [name, layer, lengths, options] of cases) {
    const { rows } = pack(lengths);
    const width = layer.geometry.hiddenSize;
    const [x, dy] = [normal(3, rows * width), normal(4, rows * width)];
    let expected: Result;
    before(() => {
      expected = onCpu(layer, lengths, x, dy, options);
    });
    it(`f32, ${name}`, () => {
      compare(`layer f32 ${name}`, onDevice(layer, lengths, x, dy, options), expected, 1e-5, false);
    });
    for (const dtype of width >= 256 ? HALVES : [])
      it(`${dtype}, ${name}`, () => {
        const result = onDevice(layer, lengths, x, dy, options, dtype);
        compare(`layer ${dtype} ${name}`, result, expected, allowed(dtype, 1.5e-2), true);
        assert.deepEqual(onDevice(layer, lengths, x, dy, options, dtype), result);
      });
  }

  it("gives the same bits whatever it saves, with biases and dropout, and with weights kept expanded", () => {
    const layer = quantized(randomLayer({ geometry: MIDDLE, ranks: RANKS, biases: PROJECTIONS, dropout: 0.1 }));
    const [x, dy] = [normal(3, 90 * 256), normal(4, 90 * 256)];
    for (const dtype of ["f32", "bf16"] as const) {
      const at = (saving: Saving) => onDevice(layer, [50, 40], x, dy, { saving, training: true, seed: 5 }, dtype);
      const expected = at("all");
      for (const saving of ["selected", "none"] as const) assert.deepEqual(at(saving), expected, `${dtype} ${saving}`);
      cuda.setPanelBudget(2 ** 30);
      assert.deepEqual(at("all"), expected);
      cuda.setPanelBudget(0);
    }
  });

  it("makes the input's gradient where the output's was, and holds less the less it saves", () => {
    const layer = quantized(randomLayer({ geometry: MIDDLE, ranks: RANKS, biases: BIASES }));
    const [x, dy] = [normal(3, 90 * 256), normal(4, 90 * 256)];
    const { dx } = onDevice(layer, [90], x, dy, EVALUATION, "bf16");
    const handle = cuda.createDecoderLayer(layerOnDevice(layer, "bf16"));
    const [input, y] = [up(x, "bf16"), empty(x.length, "bf16")];
    const held = SAVINGS.map((saving) => {
      const gradient = up(dy, "bf16");
      const before = cuda.memory().owners.activations.inUse;
      const state = cuda.decoderLayerForward(handle, input, y, pack([90]), { ...EVALUATION, saving });
      const kept = cuda.memory().owners.activations.inUse - before;
      cuda.decoderLayerBackward(handle, state, input, gradient, gradient, pack([90]), deviceGradients(layer));
      assert.deepEqual(down(gradient), dx, saving);
      cuda.dispose(state);
      return kept;
    });
    const [all, selected, none] = held as [number, number, number];
    assert.equal(none, 0);
    assert.ok(selected > 0.5 * all && selected < 0.8 * all, held.join(", "));
    cuda.dispose(handle);
  });

  it("adds to gradients, without an input gradient", () => {
    const layer = randomLayer({ geometry: MIDDLE, ranks: RANKS });
    const [x, dy] = [normal(3, 40 * 256), normal(4, 40 * 256)];
    const once = onDevice(layer, [40], x, dy, EVALUATION).gradients;
    const handle = cuda.createDecoderLayer(layerOnDevice(layer));
    const gradients = deviceGradients(layer);
    for (let i = 0; i < 2; i++) {
      const [input, y] = [up(x), empty(x.length)];
      const state = cuda.decoderLayerForward(handle, input, y, pack([40]), EVALUATION);
      cuda.decoderLayerBackward(handle, state, input, up(dy), null, pack([40]), gradients);
    }
    const twice = downGradients(gradients);
    for (const name of PROJECTIONS)
      close(
        `layer twice ${name}`,
        twice[name]!.a,
        once[name]!.a.map((v) => 2 * v),
        1e-5,
      );
  });

  it("leaves no memory behind", () => {
    const layer = quantized(randomLayer({ geometry: MIDDLE, ranks: RANKS, biases: BIASES }));
    const handle = cuda.createDecoderLayer(layerOnDevice(layer));
    const batch = pack([90]);
    const [x, dy] = [up(normal(3, 90 * 256), "bf16"), up(normal(4, 90 * 256), "bf16")];
    const [y, dx, gradients] = [empty(90 * 256, "bf16"), empty(90 * 256, "bf16"), deviceGradients(layer)];
    const used = Array.from({ length: 200 }, () => {
      const state = cuda.decoderLayerForward(handle, x, y, batch, EVALUATION);
      cuda.decoderLayerBackward(handle, state, x, dy, dx, batch, gradients);
      cuda.dispose(state);
      return cuda.memory().inUse;
    });
    // Buffers of earlier tests may be collected meanwhile.
    assert.ok(used.at(-1)! <= used[0]!, `${used[0]} bytes became ${used.at(-1)}`);
  });

  it("refuses what does not fit", () => {
    const layer = randomLayer({ ranks: SMALL_RANKS });
    const handle = cuda.createDecoderLayer(layerOnDevice(layer));
    const [x, y] = [empty(24), empty(24)];
    assert.throws(() => cuda.decoderLayerForward(handle, empty(23), y, pack([2]), EVALUATION), /expected rows of 12/);
    assert.throws(() => cuda.decoderLayerForward(handle, x, y, pack([3]), EVALUATION), /batch\.positions/);
    cuda.dispose(handle);
    assert.throws(() => cuda.decoderLayerForward(handle, x, y, pack([2]), EVALUATION), /disposed/);
  });
});
