/** Decoding on the GPU: its products, the choice of tokens, and whole steps, recorded as a graph or not. */
import assert from "node:assert/strict";
import { chooseToken, penalizeRepetition } from "../../lib/generate/sample.js";
import type {
  DecoderModel,
  DecoderTexts,
  DeviceBuffer,
  HostBuffers,
  NativeKvCache,
  NativeLinear,
} from "../../lib/native/addon.js";
import { dequantizeNf4, quantizeNf4 } from "../../lib/quant/nf4.js";
import { createRandom } from "../../lib/random.js";
import { GEOMETRY, pack, randomLayer, randomLora } from "../lib/native/reference/layers.js";
import { generator, normal } from "../lib/native/reference/random.js";
import { closeInNorm, cpu, cuda, down, empty, HALVES, type Half, note, onGpu, rounded, up } from "./device.js";
import { layerOnDevice, linearOnDevice, quantized } from "./layers.js";

const OFF = { training: false, seed: 0 };

onGpu("CUDA product of a few rows of halves", () => {
  // What rounding the codes costs, times three.
  const nf4Tolerance = { bf16: 2e-3, f16: 2e-4 };
  const linear = (inFeatures: number, outFeatures: number, rank: number, double: boolean, half: Half) => {
    const values = normal(1, inFeatures * outFeatures, 1 / Math.sqrt(inFeatures));
    const state = quantizeNf4(values, { shape: [outFeatures, inFeatures], doubleQuant: double, variant: "cuda" });
    const lora = rank > 0 ? randomLora(4, inFeatures, outFeatures, rank) : null;
    const bias = normal(6, outFeatures);
    const dense = { kind: "dense", values: rounded(values, half) } as const;
    const common = { inFeatures, outFeatures, bias, lora };
    return {
      nf4: { ...common, weight: { kind: "nf4", state } } as NativeLinear<HostBuffers>,
      dense: { ...common, weight: dense } as NativeLinear<HostBuffers>,
    };
  };
  for (const [inFeatures, outFeatures, rank, double] of [
    [128, 5, 0, true],
    [512, 300, 8, true],
    [1152, 40, 3, false],
    [5120, 1024, 16, true],
    [13824, 160, 64, true],
  ] as const)
    for (const kind of ["nf4", "dense"] as const)
      for (const half of HALVES)
        it(`${half}, ${kind} [${outFeatures}, ${inFeatures}], rank ${rank}`, () => {
          const layer = linear(inFeatures, outFeatures, rank, double, half)[kind];
          const twin = cuda.createLinear(linearOnDevice(layer, half));
          const exact = cpu.createLinear(layer);
          const singles: Float32Array[] = [];
          const rows = (kind === "nf4" ? 19 : 8) as number;
          const x = rounded(normal(2, rows * inFeatures), half);
          const expected = new Float32Array(rows * outFeatures);
          cpu.linearForward(exact, x, expected, OFF);
          for (const count of [1, 3, 8, rows]) {
            const y = empty(count * outFeatures);
            cuda.linearForward(twin, up(x.subarray(0, count * inFeatures), half), y, OFF);
            const actual = down(y);
            closeInNorm(
              `${half} ${kind} ${count} x ${outFeatures} x ${inFeatures} rank ${rank}`,
              actual,
              expected.subarray(0, count * outFeatures),
              kind === "nf4" ? nf4Tolerance[half] : 1e-5,
            );
            singles.push(actual);
          }
          // Every row's numbers are the same whatever is computed beside it.
          for (const several of singles) {
            const shared = Math.min(several.length, singles[0]!.length);
            assert.deepEqual(several.subarray(0, shared), singles[0]!.subarray(0, shared));
          }
          const three = singles[1]!.subarray(0, 3 * outFeatures);
          assert.deepEqual(singles[3]!.subarray(0, 3 * outFeatures), three);
        });

  for (const half of HALVES)
    it(`is the product with the weights that the codes stand for, ${half}`, () => {
      const layer = linear(256, 32, 0, true, half).nf4;
      assert.ok(layer.weight.kind === "nf4");
      const weights = dequantizeNf4(quantizeNf4(normal(1, 256 * 32, 1 / 16), { shape: [32, 256], variant: "cuda" }));
      const bare = cuda.createLinear(linearOnDevice({ ...layer, bias: null }));
      for (const column of [0, 1, 63, 64, 200, 255]) {
        const x = new Float32Array(256);
        x[column] = 1;
        const y = empty(32);
        cuda.linearForward(bare, up(x, half), y, OFF);
        closeInNorm(
          `${half} column ${column}`,
          down(y),
          Float32Array.from({ length: 32 }, (_, i) => weights[i * 256 + column]!),
          nf4Tolerance[half],
        );
      }
    });
});

const WIDE = {
  ...GEOMETRY,
  hiddenSize: 512,
  intermediateSize: 768,
  numHeads: 10,
  numKvHeads: 2,
  headDim: 64,
  rmsNormEps: 1e-5,
};
const VOCABULARY = 1003;
const RANKS = { q_proj: 16, k_proj: 4, v_proj: 8, o_proj: 16, gate_proj: 16, up_proj: 8, down_proj: 16 };
const TEXTS: DecoderTexts = {
  lengths: Int32Array.of(1),
  doSample: false,
  temperature: 1,
  topK: 50,
  topP: 1,
  repetitionPenalty: 1,
  minNewTokens: 0,
  maxNewTokens: 100,
  padTokenId: 7,
  eosTokenIds: new Int32Array(0),
  seen: null,
  uniforms: null,
  graph: true,
};

/** A model of two layers on the GPU, its table and head in halves. */
function model(kind: "nf4" | "dense", half: Half = "bf16"): DecoderModel {
  const layers = [1, 2].map((seed) =>
    randomLayer({ geometry: WIDE, seed, ranks: RANKS, biases: ["q_proj", "k_proj", "v_proj"] }),
  );
  const matrix = (seed: number, deviation: number) =>
    cuda.createLinear({
      inFeatures: WIDE.hiddenSize,
      outFeatures: VOCABULARY,
      weight: { kind: "dense", values: up(normal(seed, VOCABULARY * WIDE.hiddenSize, deviation), half) },
      bias: null,
      lora: null,
    });
  return {
    layers: layers.map((layer) =>
      cuda.createDecoderLayer(layerOnDevice(kind === "nf4" ? quantized(layer) : layer, half)),
    ),
    table: matrix(31, 1),
    norm: up(normal(33, WIDE.hiddenSize, 0.1).map((v) => 1 + v)),
    rmsNormEps: 1e-5,
    head: matrix(32, 0.1),
  };
}

/** Runs new tokens of each text through the layers one by one; logits of the last token of each. */
function logitsOf(
  { layers, table, norm, head }: DecoderModel,
  cache: NativeKvCache,
  fresh: number[][],
  lengths: Int32Array,
  half: Half = "bf16",
): DeviceBuffer {
  const batch = pack(fresh.map((ids) => ids.length));
  const positions = Int32Array.from(fresh.flatMap((ids, i) => ids.map((_, j) => lengths[i]! + j)));
  const rows = positions.length;
  let x = empty(rows * WIDE.hiddenSize, half);
  cuda.embedding(table, Int32Array.from(fresh.flat()), x);
  layers.forEach((layer, index) => {
    const y = empty(x.length, half);
    cuda.decoderLayerCached(layer, cache, index, x, y, { ...batch, positions }, lengths);
    x = y;
  });
  const [normed, rstd, logits] = [empty(x.length, half), empty(rows), empty(rows * VOCABULARY)];
  cuda.rmsNormForward(x, norm, 1e-5, normed, rstd);
  cuda.linearForward(head, normed, logits, OFF);
  const all = down(logits);
  fresh.forEach((ids, i) => {
    lengths[i]! += ids.length;
  });
  return up(
    Float32Array.from(
      fresh.flatMap((_, i) => [
        ...all.subarray((batch.cuSeqlens[i + 1]! - 1) * VOCABULARY, batch.cuSeqlens[i + 1]! * VOCABULARY),
      ]),
    ),
  );
}

const PROMPTS = [
  Array.from({ length: 150 }, (_, i) => (i * 37) % VOCABULARY),
  [5],
  Array.from({ length: 70 }, (_, i) => (i * 91 + 4) % VOCABULARY),
];
const cacheFor = (texts: number, capacity: number) =>
  cuda.createKvCache(2, WIDE.numKvHeads * WIDE.headDim, texts, capacity);

/** Prompts once, then steps: the tokens of each text, [step][text]. */
function decode(
  of: DecoderModel,
  prompts: number[][],
  steps: number,
  part: Partial<DecoderTexts> = {},
  half: Half = "bf16",
): number[][] {
  const cache = cacheFor(prompts.length, 400);
  const lengths = new Int32Array(prompts.length);
  const logits = logitsOf(of, cache, prompts, lengths, half);
  const tokens = cuda.createBuffer("i32", prompts.length);
  const decoder = cuda.createDecoder(of, cache, { ...TEXTS, lengths, maxNewTokens: steps, ...part }, tokens);
  assert.ok(decoder !== null);
  cuda.decoderChoose(decoder, logits);
  const result = [[...down(tokens)]];
  for (let i = 1; i < steps; i++) {
    cuda.decoderStep(decoder);
    result.push([...down(tokens)]);
  }
  for (const handle of [decoder, cache, tokens, logits]) cuda.dispose(handle);
  return result;
}

onGpu("CUDA decoder", () => {
  for (const [kind, half] of [
    ["nf4", "bf16"],
    ["dense", "bf16"],
    ["nf4", "f16"],
    ["dense", "f16"],
  ] as const)
    it(`takes the tokens that the layers one by one find likeliest, ${kind} in ${half}`, () => {
      const of = model(kind, half);
      const steps = 90;
      const chosen = decode(of, PROMPTS, steps, {}, half);
      const cache = cacheFor(PROMPTS.length, 400);
      const lengths = new Int32Array(PROMPTS.length);
      let [worst, same] = [0, 0];
      let fresh = PROMPTS;
      for (const tokens of chosen) {
        const logits = down(logitsOf(of, cache, fresh, lengths, half));
        tokens.forEach((token, i) => {
          const row = logits.subarray(i * VOCABULARY, (i + 1) * VOCABULARY);
          const most = Math.max(...row);
          const spread = Math.sqrt(row.reduce((sum, v) => sum + v * v, 0) / VOCABULARY);
          worst = Math.max(worst, (most - row[token]!) / spread);
          if (row[token] === most) same++;
        });
        fresh = tokens.map((token) => [token]);
      }
      note(
        `decoder ${kind} ${half}: ${same} of ${steps * 3} tokens the likeliest there, the others at most ${worst.toExponential(1)} deviations below`,
      );
      assert.ok(worst < 0.1, `${worst}`);
      assert.ok(same > 0.97 * steps * 3, `${same}`);
    });

  it("takes the same tokens from a recorded graph", () => {
    const of = model("nf4");
    const sampled = {
      doSample: true,
      temperature: 0.7,
      uniforms: Float32Array.from(normal(3, 180), (v) => Math.abs(v) % 1),
    };
    for (const part of [{}, sampled])
      assert.deepEqual(
        decode(of, PROMPTS, 60, { ...part, graph: true }),
        decode(of, PROMPTS, 60, { ...part, graph: false }),
      );
  });

  it("follows weights that change in place, and buffers that are exchanged", () => {
    const layer = randomLayer({ geometry: WIDE, seed: 1, ranks: RANKS });
    const descriptor = layerOnDevice(quantized(layer), "bf16");
    const of = { ...model("nf4"), layers: [cuda.createDecoderLayer(descriptor)] };
    const run = (change: (decoder: Parameters<typeof cuda.updateDecoder>[0], cache: NativeKvCache) => void) => {
      const cache = cuda.createKvCache(1, WIDE.numKvHeads * WIDE.headDim, 1, 100);
      const lengths = new Int32Array(1);
      const logits = logitsOf(of, cache, [PROMPTS[2]!.slice(0, 20)], lengths);
      const tokens = cuda.createBuffer("i32", 1);
      const decoder = cuda.createDecoder(of, cache, { ...TEXTS, lengths, maxNewTokens: 40 }, tokens)!;
      cuda.decoderChoose(decoder, logits);
      const result: number[] = [];
      for (let i = 0; i < 12; i++) {
        if (i === 4) change(decoder, cache);
        cuda.decoderStep(decoder);
        result.push(down(tokens)[0]!);
      }
      return result;
    };
    const { lora } = descriptor.projections.o_proj;
    const before = run(() => undefined);
    const larger = Float32Array.from(down(lora!.b), (v) => 40 * v);
    const inPlace = run(() => cuda.write(lora!.b, larger));
    assert.deepEqual(inPlace.slice(0, 4), before.slice(0, 4));
    assert.notDeepEqual(inPlace, before);
    cuda.write(
      lora!.b,
      larger.map((v) => v / 40),
    );
    const exchanged = run((decoder, cache) => {
      cuda.setLora(of.layers[0]!, "o_proj", { ...lora!, b: up(larger) });
      cuda.updateDecoder(decoder, of, cache);
    });
    assert.deepEqual(exchanged, inPlace);
  });

  it("holds no more memory after many texts", () => {
    const of = model("nf4");
    decode(of, PROMPTS, 5);
    cuda.synchronize();
    const { inUse } = cuda.memory();
    for (let i = 0; i < 30; i++) decode(of, PROMPTS, 5);
    // Buffers of the test that were not disposed of are collected later.
    (globalThis as { gc?: () => void }).gc?.();
    assert.ok(cuda.memory().inUse - inUse < 64 << 20, `${cuda.memory().inUse - inUse}`);
  });

  it("refuses what it has no kernels for", () => {
    const of = model("nf4");
    const cache = cacheFor(1, 100);
    const tokens = cuda.createBuffer("i32", 1);
    assert.equal(cuda.createDecoder(of, cache, TEXTS, tokens), null);
    logitsOf(of, cache, [[1, 2]], new Int32Array(1));
    // Weights of another type than the cache's.
    assert.equal(cuda.createDecoder(model("dense", "f16"), cache, TEXTS, tokens), null);
    assert.throws(
      () => cuda.createDecoder(of, cache, { ...TEXTS, lengths: Int32Array.of(2) }, tokens),
      /do not fit the cache/,
    );
  });
});

/** Chooses once from given logits for up to 32 texts at a time. */
function chooser(texts: number, part: Partial<DecoderTexts>) {
  const of = model("dense");
  const cache = cacheFor(texts, 64);
  logitsOf(
    of,
    cache,
    Array.from({ length: texts }, () => [1]),
    new Int32Array(texts),
  );
  const tokens = cuda.createBuffer("i32", texts);
  const lengths = new Int32Array(texts).fill(1);
  const decoder = cuda.createDecoder(of, cache, { ...TEXTS, lengths, maxNewTokens: 60, ...part }, tokens)!;
  return (logits: Float32Array) => {
    const buffer = up(logits);
    cuda.decoderChoose(decoder, buffer);
    cuda.dispose(buffer);
    return [...down(tokens)];
  };
}

onGpu("CUDA choice of tokens", () => {
  const texts = 32;
  const logits = (seed: number, deviation: number) => normal(seed, texts * VOCABULARY, deviation);
  const row = (values: Float32Array, i: number) => values.slice(i * VOCABULARY, (i + 1) * VOCABULARY);

  for (const options of [
    { doSample: false, temperature: 1, topK: 50, topP: 1, repetitionPenalty: 1 },
    { doSample: false, temperature: 1, topK: 50, topP: 1, repetitionPenalty: 1.7 },
    { doSample: true, temperature: 1, topK: 1, topP: 1, repetitionPenalty: 1 },
    { doSample: true, temperature: 0.6, topK: 50, topP: 0.95, repetitionPenalty: 1 },
    { doSample: true, temperature: 1.3, topK: 1000, topP: 1, repetitionPenalty: 1.2 },
    { doSample: true, temperature: 2, topK: 333, topP: 0.5, repetitionPenalty: 0.8 },
  ])
    for (const deviation of [0.001, 3, 100])
      it(`as the library does on the host: ${JSON.stringify(options)}, logits of size ${deviation}`, () => {
        const steps = 6;
        const seen = Array.from({ length: texts }, (_, i) => new Set([i, 5 * i + 2, 990]));
        const words = Math.ceil(VOCABULARY / 32);
        const bits = new Int32Array(texts * words);
        seen.forEach((tokens, i) => {
          for (const token of tokens) bits[i * words + (token >> 5)]! |= 1 << (token & 31);
        });
        const random = createRandom(9);
        const uniforms = Float32Array.from({ length: texts * 60 }, () => random.next());
        const choose = chooser(texts, { ...options, seen: bits, uniforms });
        let different = 0;
        for (let step = 0; step < steps; step++) {
          const values = logits(step, deviation);
          choose(values).forEach((token, i) => {
            const own = row(values, i);
            penalizeRepetition(own, seen[i]!, options.repetitionPenalty);
            const next = { next: () => uniforms[i * 60 + step]! };
            const expected = chooseToken(own, options, { ...random, ...next });
            if (token !== expected) different++;
            seen[i]!.add(token);
          });
        }
        // A draw on the border of two tokens may fall either way: sums here are float32.
        assert.ok(different <= (options.doSample ? 2 : 0), `${different} of ${steps * texts} differ`);
      });

  it("draws each token as often as it should", () => {
    const one = normal(5, VOCABULARY, 2);
    const same = Float32Array.from({ length: texts * VOCABULARY }, (_, i) => one[i % VOCABULARY]!);
    const next = generator(77);
    const counts = new Map<number, number>();
    const [rounds, draws] = [20, 60];
    for (let round = 0; round < rounds; round++) {
      const uniforms = Float32Array.from({ length: texts * draws }, () => next());
      const choose = chooser(texts, { doSample: true, temperature: 1.5, topK: 20, topP: 0.9, uniforms });
      for (let i = 0; i < draws; i++) for (const token of choose(same)) counts.set(token, (counts.get(token) ?? 0) + 1);
    }
    const order = [...one.keys()].sort((a, b) => one[b]! - one[a]!).slice(0, 20);
    const weights = order.map((token) => Math.exp(one[token]! / 1.5));
    const total = weights.reduce((a, b) => a + b);
    let [size, reached] = [0, 0];
    while (reached < 0.9) reached += weights[size++]! / total;
    const n = rounds * draws * texts;
    let chi = 0;
    for (let i = 0; i < size; i++) {
      const expected = (n * weights[i]!) / total / reached;
      chi += ((counts.get(order[i]!) ?? 0) - expected) ** 2 / expected;
      counts.delete(order[i]!);
    }
    note(`chi-square of ${n} draws over ${size} tokens: ${chi.toFixed(1)}`);
    assert.equal(counts.size, 0, "tokens outside of the nucleus were drawn");
    // Five standard deviations above the mean of the distribution with size - 1 degrees of freedom.
    assert.ok(chi < size - 1 + 5 * Math.sqrt(2 * (size - 1)), `${chi} over ${size}`);
  });

  it("takes the first of equal tokens", () => {
    const flat = new Float32Array(VOCABULARY).fill(-3);
    assert.deepEqual(chooser(1, {})(flat), [0]);
    const uniforms = Float32Array.from({ length: 60 }, (_, i) => i / 60);
    const choose = chooser(1, { doSample: true, topK: 6, uniforms });
    assert.deepEqual(
      Array.from({ length: 59 }, () => choose(flat)[0]),
      Array.from({ length: 59 }, (_, i) => Math.floor(i / 10)),
    );
  });

  it("ends a text at EOS, not before minNewTokens, and at maxNewTokens", () => {
    const values = Float32Array.from({ length: 3 * VOCABULARY }, (_, i) =>
      i === 11 || i === VOCABULARY + 12 ? 2 : i % VOCABULARY === 40 ? 1 : 0,
    );
    const choose = chooser(3, { eosTokenIds: Int32Array.of(11, 12), minNewTokens: 2, maxNewTokens: 4 });
    const chosen = Array.from({ length: 5 }, () => choose(values));
    assert.deepEqual(chosen, [
      [40, 40, 40],
      [40, 40, 40],
      [11, 12, 40],
      [7, 7, 40],
      [7, 7, 7],
    ]);
  });
});
