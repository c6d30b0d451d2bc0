/** A decoder layer in float64, written as the formulas read, one row and one head at a time. */
import { type LayerGeometry, PROJECTIONS, type Projection } from "../../../../lib/tensor/layers.js";

export interface ReferenceLinear {
  in: number;
  out: number;
  weight: Float64Array;
  bias: Float64Array | null;
  lora: { a: Float64Array; b: Float64Array; rank: number; scaling: number; dropout: number } | null;
}

export interface ReferenceLayer {
  geometry: LayerGeometry;
  inputNorm: Float64Array;
  postAttentionNorm: Float64Array;
  projections: Record<Projection, ReferenceLinear>;
}

function mix32(value: number): number {
  let x = value >>> 0;
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  x ^= x >>> 16;
  return x >>> 0;
}

/** 0 or 1 / (1 - probability): the addon's counter-based mask. */
export function dropoutFactor(seed: number, projection: number, element: number, probability: number): number {
  const key = mix32((seed + Math.imul(projection, 0x9e3779b9)) >>> 0);
  const uniform = (mix32((element ^ key) >>> 0) >>> 8) / 2 ** 24;
  return uniform < Math.fround(probability) ? 0 : 1 / (1 - probability);
}

export function rmsNorm(x: Float64Array, weight: Float64Array, eps: number): Float64Array {
  const width = weight.length;
  const y = new Float64Array(x.length);
  for (let row = 0; row < x.length; row += width) {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += x[row + i]! ** 2;
    const scale = 1 / Math.sqrt(sum / width + eps);
    for (let i = 0; i < width; i++) y[row + i] = x[row + i]! * scale * weight[i]!;
  }
  return y;
}

/** x [rows, in] times matrix [out, in] transposed. */
export function timesTransposed(x: Float64Array, matrix: Float64Array, inputs: number, outputs: number): Float64Array {
  const rows = x.length / inputs;
  const y = new Float64Array(rows * outputs);
  for (let row = 0; row < rows; row++)
    for (let o = 0; o < outputs; o++) {
      let sum = 0;
      for (let i = 0; i < inputs; i++) sum += x[row * inputs + i]! * matrix[o * inputs + i]!;
      y[row * outputs + o] = sum;
    }
  return y;
}

export function linear(x: Float64Array, layer: ReferenceLinear, index: number, seed: number | null): Float64Array {
  const y = timesTransposed(x, layer.weight, layer.in, layer.out);
  const { lora, bias } = layer;
  if (bias) for (let i = 0; i < y.length; i++) y[i]! += bias[i % layer.out]!;
  if (lora) {
    const input =
      seed === null || lora.dropout === 0 ? x : x.map((v, i) => v * dropoutFactor(seed, index, i, lora.dropout));
    const t = timesTransposed(input, lora.a, layer.in, lora.rank);
    const share = timesTransposed(t, lora.b, lora.rank, layer.out);
    for (let i = 0; i < y.length; i++) y[i]! += lora.scaling * share[i]!;
  }
  return y;
}

export function rope(x: Float64Array, width: number, headDim: number, positions: Int32Array, theta: number): void {
  const half = headDim / 2;
  for (let row = 0; row < positions.length; row++)
    for (let head = 0; head < width; head += headDim)
      for (let i = 0; i < half; i++) {
        const angle = positions[row]! * theta ** ((-2 * i) / headDim);
        const at = row * width + head + i;
        const first = x[at]!;
        const second = x[at + half]!;
        x[at] = first * Math.cos(angle) - second * Math.sin(angle);
        x[at + half] = second * Math.cos(angle) + first * Math.sin(angle);
      }
}

export function causalAttention(
  q: Float64Array,
  k: Float64Array,
  v: Float64Array,
  geometry: LayerGeometry,
  cuSeqlens: Int32Array,
): Float64Array {
  const { numHeads, numKvHeads, headDim } = geometry;
  const out = new Float64Array(q.length);
  for (let s = 0; s + 1 < cuSeqlens.length; s++)
    for (let head = 0; head < numHeads; head++) {
      const kvHead = Math.floor(head / (numHeads / numKvHeads));
      for (let row = cuSeqlens[s]!; row < cuSeqlens[s + 1]!; row++) {
        const scores: number[] = [];
        for (let key = cuSeqlens[s]!; key <= row; key++) {
          let dot = 0;
          for (let i = 0; i < headDim; i++)
            dot += q[(row * numHeads + head) * headDim + i]! * k[(key * numKvHeads + kvHead) * headDim + i]!;
          scores.push(dot / Math.sqrt(headDim));
        }
        const most = Math.max(...scores);
        const weights = scores.map((score) => Math.exp(score - most));
        const sum = weights.reduce((a, b) => a + b);
        weights.forEach((weight, at) => {
          const key = cuSeqlens[s]! + at;
          for (let i = 0; i < headDim; i++)
            out[(row * numHeads + head) * headDim + i]! +=
              (weight / sum) * v[(key * numKvHeads + kvHead) * headDim + i]!;
        });
      }
    }
  return out;
}

/** seed null: evaluation, no dropout. */
export function decoderLayer(
  x: Float64Array,
  layer: ReferenceLayer,
  batch: { cuSeqlens: Int32Array; positions: Int32Array },
  seed: number | null = null,
): Float64Array {
  const { geometry, projections } = layer;
  const apply = (name: Projection, input: Float64Array) =>
    linear(input, projections[name], PROJECTIONS.indexOf(name), seed);
  const normed = rmsNorm(x, layer.inputNorm, geometry.rmsNormEps);
  const q = apply("q_proj", normed);
  const k = apply("k_proj", normed);
  rope(q, geometry.numHeads * geometry.headDim, geometry.headDim, batch.positions, geometry.ropeTheta);
  rope(k, geometry.numKvHeads * geometry.headDim, geometry.headDim, batch.positions, geometry.ropeTheta);
  const attention = causalAttention(q, k, apply("v_proj", normed), geometry, batch.cuSeqlens);
  const hidden = apply("o_proj", attention).map((value, i) => value + x[i]!);
  const second = rmsNorm(hidden, layer.postAttentionNorm, geometry.rmsNormEps);
  const up = apply("up_proj", second);
  const act = apply("gate_proj", second).map((gate, i) => (gate / (1 + Math.exp(-gate))) * up[i]!);
  return apply("down_proj", act).map((value, i) => value + hidden[i]!);
}
