/** Small random layers and batches for the tests of lib/tensor, the same for the same seed. */
import * as tf from "@tensorflow/tfjs";
import { quantizeNf4 } from "../../../lib/quant/nf4.js";
import type {
  DecoderLayer,
  LayerGeometry,
  Linear,
  LoraPair,
  PackedBatch,
  Projection,
  Weight,
} from "../../../lib/tensor/layers.js";
import { Parameter } from "../../../lib/tensor/parameter.js";

/** Deterministic values in about [-scale, scale] (a linear congruential generator; quality does not matter here). */
export function values(size: number, seed: number, scale = 1): Float32Array {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * scale;
  });
}

export const GEOMETRY: LayerGeometry = {
  hiddenSize: 32,
  intermediateSize: 48,
  numHeads: 4,
  numKvHeads: 2,
  headDim: 8,
  rmsNormEps: 1e-6,
  ropeTheta: 10000,
};

export interface TinyOptions {
  geometry?: LayerGeometry;
  kind?: Weight["kind"];
  lora?: { r: number; dropout?: number } | null;
  bias?: boolean;
  seed?: number;
}

export function randomWeight(out: number, inputs: number, kind: Weight["kind"], seed: number): Weight {
  const numbers = values(out * inputs, seed, 1.5 / Math.sqrt(inputs));
  return kind === "nf4"
    ? { kind, state: quantizeNf4(numbers, { shape: [out, inputs] }) }
    : { kind, values: tf.tensor2d(numbers, [out, inputs]) };
}

export function randomLinear(out: number, inputs: number, options: TinyOptions, seed: number, bias: boolean): Linear {
  const { kind = "dense", lora = { r: 4 } } = options;
  const pair = (): LoraPair => ({
    a: new Parameter(`a${seed}`, tf.tensor2d(values(lora!.r * inputs, seed + 1, 0.3), [lora!.r, inputs])),
    b: new Parameter(`b${seed}`, tf.tensor2d(values(out * lora!.r, seed + 2, 0.3), [out, lora!.r])),
    scaling: 2,
    dropout: lora!.dropout ?? 0,
  });
  return {
    inFeatures: inputs,
    outFeatures: out,
    weight: randomWeight(out, inputs, kind, seed),
    bias: bias ? tf.tensor1d(values(out, seed + 3, 0.2)) : null,
    lora: lora === null ? null : pair(),
  };
}

export function randomLayer(options: TinyOptions = {}): DecoderLayer {
  const { geometry = GEOMETRY, bias = true, seed = 1 } = options;
  const { hiddenSize: h, intermediateSize: f, headDim } = geometry;
  const [q, kv] = [geometry.numHeads * headDim, geometry.numKvHeads * headDim];
  const shapes: [Projection, number, number, boolean][] = [
    ["q_proj", q, h, bias],
    ["k_proj", kv, h, bias],
    ["v_proj", kv, h, bias],
    ["o_proj", h, q, false],
    ["gate_proj", f, h, false],
    ["up_proj", f, h, false],
    ["down_proj", h, f, false],
  ];
  const entries = shapes.map(([name, out, inputs, biased], i) => {
    return [name, randomLinear(out, inputs, options, seed * 1000 + i * 10, biased)] as const;
  });
  const norm = (at: number) => tf.tensor1d(values(h, at, 0.3).map((v) => 1 + v));
  return {
    geometry,
    inputNorm: norm(seed + 70),
    postAttentionNorm: norm(seed + 71),
    projections: Object.fromEntries(entries) as Record<Projection, Linear>,
  };
}

/** Sequences of the given lengths, packed; a label for every token but the first two of each sequence. */
export function packed(lengths: readonly number[], vocabSize = 50, seed = 5): PackedBatch {
  const cuSeqlens = new Int32Array(lengths.length + 1);
  lengths.forEach((length, i) => {
    cuSeqlens[i + 1] = cuSeqlens[i]! + length;
  });
  const positions = Int32Array.from(lengths.flatMap((length) => Array.from({ length }, (_, i) => i)));
  const inputIds = Int32Array.from(values(positions.length, seed), (v) => Math.floor(((v + 1) / 2) * vocabSize));
  return { cuSeqlens, positions, inputIds, labels: inputIds.map((id, i) => (positions[i]! < 2 ? -100 : id)) };
}

export function disposeLayer(layer: DecoderLayer): void {
  tf.dispose([layer.inputNorm, layer.postAttentionNorm]);
  for (const { weight, bias, lora } of Object.values(layer.projections)) {
    if (weight.kind === "dense") weight.values.dispose();
    bias?.dispose();
    lora?.a.dispose();
    lora?.b.dispose();
  }
}
