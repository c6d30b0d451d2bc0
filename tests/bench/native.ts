/**
 * Speed of the native addon, each op next to a plain sgemm of the same size in the same process.
 *   npx tsx tests/bench/native.ts [--tokens 2000] [--hidden 256] [--layers 6] [--steps 5]
 */
import { parseArgs } from "node:util";
import { loadAddon } from "../../lib/native/addon.js";
import { SIGNED_DYNAMIC_MAP, UNSIGNED_DYNAMIC_MAP } from "../../lib/quant/dynamicMap.js";
import { quantizeNf4 } from "../../lib/quant/nf4.js";
import { type LayerGeometry, PROJECTIONS } from "../../lib/tensor/layers.js";
import { pack, randomLayer, sizes } from "../lib/native/reference/layers.js";
import { normal } from "../lib/native/reference/random.js";

const loaded = loadAddon();
if (!loaded.addon) throw new Error(loaded.reason);
const { cpu } = loaded.addon;

const { values } = parseArgs({
  options: {
    tokens: { type: "string", default: "2000" },
    hidden: { type: "string", default: "256" },
    intermediate: { type: "string", default: "704" },
    layers: { type: "string", default: "6" },
    vocabulary: { type: "string", default: "3000" },
    rank: { type: "string", default: "16" },
    steps: { type: "string", default: "5" },
    threads: { type: "string" },
  },
});
const tokens = Number(values.tokens);
const hidden = Number(values.hidden);
const layers = Number(values.layers);
const rank = Number(values.rank);
const steps = Number(values.steps);
if (values.threads) cpu.setThreads(Number(values.threads));

const geometry: LayerGeometry = {
  hiddenSize: hidden,
  intermediateSize: Number(values.intermediate),
  numHeads: hidden / 32,
  numKvHeads: Math.max(1, hidden / 128),
  headDim: 32,
  rmsNormEps: 1e-6,
  ropeTheta: 10000,
};

/** Median milliseconds of one call. */
function time(run: () => void): number {
  run();
  const times: number[] = [];
  for (let i = 0; i < steps; i++) {
    const start = performance.now();
    run();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
}

const rows: Record<string, unknown>[] = [];
let peak = 0;
function report(op: string, milliseconds: number, flops: number): void {
  const gflops = flops / milliseconds / 1e6;
  peak ||= gflops;
  rows.push({ op, ms: milliseconds.toFixed(2), "GFLOP/s": gflops.toFixed(1), "of sgemm": (gflops / peak).toFixed(2) });
}

console.log(cpu.version().blas, "threads", cpu.getThreads());
const square = normal(1, 1024 * 1024);
const product = new Float32Array(1024 * 1024);
report(
  "sgemm 1024^3",
  time(() => cpu.matmul(square, square, product, 1024, 1024, 1024)),
  2 * 1024 ** 3,
);

const ranks = Object.fromEntries(PROJECTIONS.map((name) => [name, rank]));
const biases = ["q_proj", "k_proj", "v_proj"] as const;
const stack = Array.from({ length: layers }, (_, i) => randomLayer({ geometry, ranks, biases, seed: i + 1 }));
const handles = stack.map((layer) => cpu.createDecoderLayer(layer));
const gradients = stack.map((layer) =>
  Object.fromEntries(
    PROJECTIONS.map((name) => {
      const lora = layer.projections[name].lora!;
      return [name, { a: new Float32Array(lora.a.length), b: new Float32Array(lora.b.length) }];
    }),
  ),
);
const length = Math.floor(tokens / 8);
const batch = pack(Array.from({ length: 8 }, (_, i) => (i < 7 ? length : tokens - 7 * length)));
const x = normal(2, tokens * hidden);

let linear = 0;
let lora = 0;
for (const [inputs, outputs] of Object.values(sizes(geometry))) {
  linear += 2 * tokens * inputs * outputs;
  lora += 2 * tokens * rank * (inputs + outputs);
}
const attention = 8 * 2 * length * length * geometry.numHeads * geometry.headDim;
const forwardFlops = linear + lora + attention;
const backwardFlops = linear + 2 * lora + 2.5 * attention;

for (const saving of ["all", "none"] as const) {
  const activations = Array.from({ length: layers + 1 }, () => new Float32Array(x.length));
  activations[0]!.set(x);
  const options = { saving, training: true, seed: 1 };
  let forward = 0;
  const total = time(() => {
    const start = performance.now();
    const states = handles.map((handle, i) =>
      cpu.decoderLayerForward(handle, activations[i]!, activations[i + 1]!, batch, options),
    );
    forward = performance.now() - start;
    let dy = x;
    for (let i = layers - 1; i >= 0; i--) {
      const dx = new Float32Array(x.length);
      cpu.decoderLayerBackward(handles[i]!, states[i]!, activations[i]!, dy, dx, batch, gradients[i]!);
      dy = dx;
    }
  });
  report(`${layers} layers forward, saving ${saving}`, forward, layers * forwardFlops);
  const again = saving === "none" ? forwardFlops : 0;
  report(`${layers} layers backward, saving ${saving}`, total - forward, layers * (backwardFlops + again));
}
const vocabulary = Number(values.vocabulary);
const dense = { kind: "dense", values: normal(3, vocabulary * hidden, 0.02) } as const;
const head = cpu.createLinear({ inFeatures: hidden, outFeatures: vocabulary, weight: dense, bias: null, lora: null });
const labels = Int32Array.from({ length: tokens }, (_, i) => (i * 31) % vocabulary);
const dHidden = new Float32Array(x.length);
report(
  `loss and gradient over ${vocabulary} tokens`,
  time(() => cpu.linearCrossEntropy(head, x, labels, batch.cuSeqlens, 1e-3, dHidden)),
  4 * tokens * hidden * vocabulary,
);

const size = (layers * lora) / (2 * tokens);
const blocks = Math.ceil(size / 256);
const tensor = {
  value: normal(5, size),
  gradient: normal(6, size),
  state1: new Uint8Array(size),
  state2: new Uint8Array(size),
  absmax1: new Float32Array(blocks),
  absmax2: new Float32Array(blocks),
};
const step = { learningRate: 1e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, gradScale: 1, step: 1 };
report(
  `adamw8bit, ${size} values`,
  time(() => cpu.adamw8bit([tensor], SIGNED_DYNAMIC_MAP, UNSIGNED_DYNAMIC_MAP, step)),
  0,
);
report(
  `gradNorm, ${size} values`,
  time(() => cpu.gradNorm([tensor.gradient])),
  2 * size,
);

const matrix = new Float32Array(1 << 22);
const state = quantizeNf4(normal(7, matrix.length));
const expand = time(() => cpu.dequantizeNf4(state, matrix));
report(`NF4 to float32, ${(matrix.length / expand / 1e6).toFixed(2)} G elements/s`, expand, 0);

for (const sequences of [1, 8]) {
  const cache = cpu.createKvCache(layers, geometry.numKvHeads * geometry.headDim, sequences, 1024);
  const rowsOfOne = pack(Array.from({ length: sequences }, () => 1));
  const lengths = new Int32Array(sequences).fill(500);
  const positions = new Int32Array(sequences).fill(500);
  let input = normal(8, sequences * hidden);
  const logits = new Float32Array(sequences * vocabulary);
  const milliseconds = time(() => {
    handles.forEach((handle, i) => {
      const output = new Float32Array(input.length);
      cpu.decoderLayerCached(handle, cache, i, input, output, { ...rowsOfOne, positions }, lengths);
      input = output;
    });
    cpu.linearForward(head, input, logits, { training: false, seed: 0 });
  });
  report(
    `decode at 500, ${sequences} sequences: ${Math.round((1000 * sequences) / milliseconds)} tokens/s`,
    milliseconds,
    (sequences * layers * (linear + lora)) / tokens + 2 * sequences * hidden * vocabulary,
  );
}
console.table(rows);
console.log(cpu.memory());
