/**
 * Times one decoder layer of a 14B model (hidden 5120, 40/8 heads of 128, ffn 13824, NF4, LoRA r 16 on all projections,
 * biases on q, k, v) and its head, and says what 48 such layers would make of a step of 8 samples and of a decoded token.
 *   node speed.js [tokens]
 */

import type { DeviceBuffers, NativeDecoderLayerDescriptor } from "../../lib/native/addon.js";
import { type DecoderTexts, type DeviceBuffer, loadAddon, type NativeLinear } from "../../lib/native/addon.js";
import { SIGNED_DYNAMIC_MAP } from "../../lib/quant/dynamicMap.js";
import { NF4_CODE } from "../../lib/quant/nf4.js";
import { PROJECTIONS, type Projection, type Saving } from "../../lib/tensor/layers.js";

const loaded = loadAddon();
const cuda = loaded.addon?.cuda;
if (!cuda) throw new Error(loaded.addon ? "The addon was built without CUDA." : loaded.reason);

const HIDDEN = 5120;
const FFN = 13824;
const [HEADS, KV_HEADS, DIM, LAYERS, VOCABULARY, RANK] = [40, 8, 128, 48, 152064, 16];
const SAMPLES = 8;
const rows = Number(process.argv[2] ?? 5880);

/** A short stretch of numbers, repeated: their content does not matter to the time, but zeros would flatter it. */
function repeated<T extends Float32Array | Uint8Array>(to: T, next: () => number): T {
  const stretch = Math.min(to.length, 1_000_003);
  for (let i = 0; i < stretch; i++) to[i] = next();
  for (let at = stretch; at < to.length; at += stretch) to.copyWithin(at, 0, Math.min(stretch, to.length - at));
  return to;
}
function noise(count: number, size: number): Float32Array {
  return repeated(new Float32Array(count), () => (Math.random() + Math.random() + Math.random() - 1.5) * 2 * size);
}
function buffer(count: number, size: number, dtype: "f32" | "bf16" | "f16" = "f32"): DeviceBuffer {
  return cuda!.upload(noise(count, size), { dtype });
}

/** One of each for all weights, as the library holds them: weights decoded together share them. */
const codes = { code: cuda.upload(NF4_CODE), nestedCode: cuda.upload(SIGNED_DYNAMIC_MAP) };
function linear(inFeatures: number, outFeatures: number, bias: boolean): NativeLinear<DeviceBuffers> {
  const count = inFeatures * outFeatures;
  const blocks = count / 64;
  const bytes = (n: number) => repeated(new Uint8Array(n), () => Math.random() * 256);
  return {
    inFeatures,
    outFeatures,
    weight: {
      kind: "nf4",
      state: {
        shape: [outFeatures, inFeatures],
        packed: cuda!.upload(bytes(count / 2)),
        absmax: cuda!.upload(bytes(blocks)),
        blockSize: 64,
        offset: 0.03,
        nestedAbsmax: buffer(Math.ceil(blocks / 256), 0.01),
        nestedBlockSize: 256,
        ...codes,
      },
    },
    bias: bias ? buffer(outFeatures, 0.1) : null,
    lora: { a: buffer(RANK * inFeatures, 0.01), b: buffer(outFeatures * RANK, 0.01), scaling: 1, dropout: 0 },
  };
}

/** Milliseconds of the median of `repeats` runs, each waited for. */
function time(body: () => void, repeats = 7): number {
  body();
  cuda!.synchronize();
  const times = Array.from({ length: repeats }, () => {
    const started = performance.now();
    body();
    cuda!.synchronize();
    return performance.now() - started;
  });
  return times.sort((a, b) => a - b)[Math.floor(repeats / 2)]!;
}
const show = (what: string, milliseconds: number, more = "") =>
  console.log(`${what.padEnd(58)} ${milliseconds.toFixed(3).padStart(9)} ms  ${more}`);

const sizes: Record<Projection, [number, number]> = {
  q_proj: [HIDDEN, HEADS * DIM],
  k_proj: [HIDDEN, KV_HEADS * DIM],
  v_proj: [HIDDEN, KV_HEADS * DIM],
  o_proj: [HEADS * DIM, HIDDEN],
  gate_proj: [HIDDEN, FFN],
  up_proj: [HIDDEN, FFN],
  down_proj: [FFN, HIDDEN],
};
const geometry = {
  hiddenSize: HIDDEN,
  intermediateSize: FFN,
  numHeads: HEADS,
  numKvHeads: KV_HEADS,
  headDim: DIM,
  rmsNormEps: 1e-5,
  ropeTheta: 1e6,
};
function projections() {
  return Object.fromEntries(
    PROJECTIONS.map((name) => [name, linear(...sizes[name], ["q_proj", "k_proj", "v_proj"].includes(name))]),
  ) as NativeDecoderLayerDescriptor<DeviceBuffers>["projections"];
}
const descriptor: NativeDecoderLayerDescriptor<DeviceBuffers> = {
  geometry,
  inputNorm: buffer(HIDDEN, 1),
  postAttentionNorm: buffer(HIDDEN, 1),
  projections: projections(),
};
const layer = cuda.createDecoderLayer(descriptor);
const length = Math.floor(rows / SAMPLES);
const cuSeqlens = Int32Array.from({ length: SAMPLES + 1 }, (_, i) => i * length);
const tokens = length * SAMPLES;
const positions = Int32Array.from({ length: tokens }, (_, i) => i % length);
const batch = { cuSeqlens, positions };
/** Inputs and outputs of a layer and their gradients. */
function rowsIn(dtype: "bf16" | "f16") {
  const [x, dy] = [buffer(tokens * HIDDEN, 1, dtype), buffer(tokens * HIDDEN, 0.01, dtype)];
  return { x, dy, y: cuda!.createBuffer(dtype, x.length), dx: cuda!.createBuffer(dtype, x.length) };
}
const inBf16 = rowsIn("bf16");
const { x, y, dx } = inBf16;
const gradients = Object.fromEntries(
  PROJECTIONS.map((name) => {
    const [inFeatures, outFeatures] = sizes[name];
    return [name, { a: buffer(RANK * inFeatures, 0), b: buffer(RANK * outFeatures, 0) }];
  }),
);
const probe = cuda.probe();
console.log(`${probe.available ? probe.name : ""}, ${tokens} tokens in ${SAMPLES} sequences, bf16`);

const parameters = Object.values(sizes).reduce((sum, [a, b]) => sum + a * b, 0);
const gemms = (2 * tokens * parameters) / 1e9;
function step(saving: Saving, { x, y, dy, dx } = inBf16): void {
  const state = cuda!.decoderLayerForward(layer, x, y, batch, { saving, training: true, seed: 1 });
  cuda!.decoderLayerBackward(layer, state, x, dy, dx, batch, gradients);
  cuda!.dispose(state);
}
function forward(): void {
  cuda!.dispose(cuda!.decoderLayerForward(layer, x, y, batch, { saving: "none", training: true, seed: 1 }));
}
const { state } = descriptor.projections.gate_proj.weight as Extract<
  NativeLinear<DeviceBuffers>["weight"],
  { kind: "nf4" }
>;
const expanded = cuda.createBuffer("bf16", HIDDEN * FFN);
const expand = time(() => cuda.dequantizeNf4(state, expanded));
show("expand gate_proj to bf16", expand, `${((HIDDEN * FFN * 2.516) / expand / 1e9).toFixed(2)} TB/s`);
cuda.dispose(expanded);

const qkv = buffer(tokens * (HEADS + 2 * KV_HEADS) * DIM, 1, "bf16");
const dqkv = cuda.createBuffer("bf16", qkv.length);
const [out, lse] = [cuda.createBuffer("bf16", tokens * HEADS * DIM), cuda.createBuffer("f32", tokens * HEADS)];
const dOut = buffer(out.length, 0.1, "bf16");
// Causal: half of tokens x length.
const attentionFlops = (2 * tokens * length * HEADS * DIM) / 1e9;
const attend = time(() => cuda.attentionForward(qkv, geometry, batch, out, lse));
show("attention forward", attend, `${(attentionFlops / attend).toFixed(0)} TFLOP/s`);
const attendBack = time(() => cuda.attentionBackward(qkv, geometry, batch, out, lse, dOut, dqkv));
show("attention backward", attendBack, `${((2.5 * attentionFlops) / attendBack).toFixed(0)} TFLOP/s`);
for (const item of [qkv, dqkv, out, lse, dOut]) cuda.dispose(item);

const forwardTime = time(forward);
show("layer forward", forwardTime, `${(gemms / forwardTime).toFixed(0)} TFLOP/s of GEMMs`);
const all = time(() => step("all"));
show("layer forward and backward, all saved", all, `${((2 * gemms) / all).toFixed(0)} TFLOP/s of GEMMs`);
const selected = time(() => step("selected"));
show(
  "layer forward and backward, norms and SwiGLU recomputed",
  selected,
  `${((2 * gemms) / selected).toFixed(0)} TFLOP/s of GEMMs`,
);
const none = time(() => step("none"));
show("layer forward and backward, recomputed", none, `${((3 * gemms) / none).toFixed(0)} TFLOP/s of GEMMs`);
const inF16 = rowsIn("f16");
const f16 = time(() => step("all", inF16));
show("layer forward and backward, all saved, in f16", f16, `${((2 * gemms) / f16).toFixed(0)} TFLOP/s of GEMMs`);
for (const item of Object.values(inF16)) cuda.dispose(item);
cuda.setPanelBudget(2 ** 31);
const kept = time(() => step("all"));
show("layer forward and backward, all saved, weights kept in bf16", kept);
cuda.setPanelBudget(0);

const headWeight = cuda.createBuffer("bf16", VOCABULARY * HIDDEN, "weights");
const slice = noise(HIDDEN * 1024, 0.02);
for (let at = 0; at < headWeight.length; at += slice.length)
  cuda.write(headWeight, slice.subarray(0, Math.min(slice.length, headWeight.length - at)), at);
const head = cuda.createLinear({
  inFeatures: HIDDEN,
  outFeatures: VOCABULARY,
  weight: { kind: "dense", values: headWeight },
  bias: null,
  lora: null,
});
const labels = Int32Array.from({ length: tokens }, (_, i) => (i * 7919) % VOCABULARY);
const sum = cuda.createBuffer("f32", 1);
const loss = time(() => cuda.linearCrossEntropyQueued(head, x, labels, cuSeqlens, 1 / tokens, dx, sum), 3);
show("head and loss with gradient", loss, `${((4 * tokens * HIDDEN * VOCABULARY) / 1e9 / loss).toFixed(0)} TFLOP/s`);

const count = 68_812_800;
const optimizer = {
  value: cuda.createBuffer("f32", count),
  gradient: cuda.createBuffer("f32", count),
  state1: cuda.createBuffer("u8", count),
  state2: cuda.createBuffer("u8", count),
  absmax1: cuda.createBuffer("f32", count / 256),
  absmax2: cuda.createBuffer("f32", count / 256),
};
for (const item of Object.values(optimizer)) cuda.fill(item, 0);
cuda.fill(optimizer.gradient, 1e-3);
const maps = [cuda.upload(SIGNED_DYNAMIC_MAP), cuda.upload(SIGNED_DYNAMIC_MAP)] as const;
const [norm, coefficient] = [cuda.createBuffer("f32", 1), cuda.createBuffer("f32", 1)];
const update = time(() => {
  cuda.gradNormQueued([optimizer.gradient], 1, norm, coefficient);
  const numbers = { learningRate: 2e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, step: 1 };
  cuda.adamw8bit([optimizer], ...maps, { ...numbers, gradScale: coefficient });
});
show("norm, clipping and AdamW 8-bit over 68.8 M parameters", update);
for (const item of Object.values(optimizer)) cuda.dispose(item);

for (const [name, per] of [
  ["all saved", all],
  ["norms and SwiGLU recomputed", selected],
  ["recomputed", none],
  ["all saved, weights in bf16", kept],
] as const) {
  const total = LAYERS * per + loss + update;
  console.log(
    `48 layers, ${name}: ${(total / 1000).toFixed(2)} s a step, ${((1000 * tokens) / total).toFixed(0)} tok/s`,
  );
}

// Four layers over and over: together they are too large for the GPU's cache.
const others = [1, 2, 3].map(() => cuda.createDecoderLayer({ ...descriptor, projections: projections() }));
const layers = Array.from({ length: LAYERS }, (_, i) => [layer, ...others][i % 4]!);
const model = { layers, table: head, norm: buffer(HIDDEN, 1), rmsNormEps: 1e-5, head };
const floor = (LAYERS * (parameters * (0.5 + 1 / 64) + 4 * (count / LAYERS)) + 2 * VOCABULARY * HIDDEN) / 1e9;

/** Milliseconds of a step of `texts` texts that hold `length` tokens each. */
function decodeTime(texts: number, length: number, part: Partial<DecoderTexts> = {}): { step: number; issue: number } {
  const capacity = length + 200;
  const cache = cuda!.createKvCache(LAYERS, KV_HEADS * DIM, texts, capacity);
  const one = buffer(texts * HIDDEN, 1, "bf16");
  const next = cuda!.createBuffer("bf16", texts * HIDDEN);
  const cuSeqlens = Int32Array.from({ length: texts + 1 }, (_, i) => i);
  const held = new Int32Array(texts).fill(length);
  for (let i = 0; i < LAYERS; i++)
    cuda!.decoderLayerCached(layers[i]!, cache, i, one, next, { cuSeqlens, positions: held }, held);
  const texted = {
    lengths: held,
    doSample: false,
    temperature: 0.6,
    topK: 50,
    topP: 0.95,
    repetitionPenalty: 1,
    minNewTokens: 0,
    maxNewTokens: 150,
    padTokenId: 0,
    eosTokenIds: new Int32Array(0),
    seen: null,
    uniforms: Float32Array.from({ length: texts * 150 }, Math.random),
    graph: true,
    ...part,
  };
  const tokens = cuda!.createBuffer("i32", texts);
  const decoder = cuda!.createDecoder(model, cache, texted, tokens)!;
  const first = cuda!.upload(noise(texts * VOCABULARY, 1));
  cuda!.decoderChoose(decoder, first);
  for (let i = 0; i < 4; i++) cuda!.decoderStep(decoder);
  cuda!.synchronize();
  const steps = 40;
  const times = [1, 2, 3].map(() => {
    const started = performance.now();
    for (let i = 0; i < steps; i++) cuda!.decoderStep(decoder);
    const issue = (performance.now() - started) / steps;
    cuda!.synchronize();
    return { step: (performance.now() - started) / steps, issue };
  });
  for (const handle of [decoder, cache, one, next, tokens, first]) cuda!.dispose(handle);
  return times.sort((a, b) => a.step - b.step)[1]!;
}
for (const [what, texts, held, part] of [
  ["1 text of 300 tokens", 1, 300, {}],
  ["1 text of 300 tokens, no graph", 1, 300, { graph: false }],
  ["1 text of 300 tokens, sampled", 1, 300, { doSample: true }],
  ["1 text of 4000 tokens", 1, 4000, {}],
  ["4 texts of 300 tokens", 4, 300, {}],
  ["8 texts of 300 tokens", 8, 300, {}],
  ["32 texts of 300 tokens", 32, 300, {}],
] as const) {
  const { step: milliseconds, issue } = decodeTime(texts, held, part);
  const rate = `${((1000 * texts) / milliseconds).toFixed(0)} tok/s, ${(floor / milliseconds).toFixed(2)} TB/s`;
  show(`a decoded token, 48 layers and head: ${what}`, milliseconds, `${rate}; JavaScript busy ${issue.toFixed(2)} ms`);
}
