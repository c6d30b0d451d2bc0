/** Small random decoder layers, once for the addon (float32) and once for the reference (the same values in float64). */
import type {
  HostBuffers,
  NativeDecoderLayerDescriptor,
  NativeLinear,
  NativeLora,
} from "../../../../lib/native/opTable.js";
import { type LayerGeometry, PROJECTIONS, type Projection } from "../../../../lib/tensor/layers.js";
import type { ReferenceLayer, ReferenceLinear } from "./decoderLayer.js";
import { normal, uniform } from "./random.js";

export const GEOMETRY: LayerGeometry = {
  hiddenSize: 12,
  intermediateSize: 20,
  numHeads: 4,
  numKvHeads: 2,
  headDim: 6,
  rmsNormEps: 1e-5,
  ropeTheta: 10000,
};

export interface LayerOptions {
  geometry?: LayerGeometry;
  /** Rank of each projection's LoRA pair; 0 or absent: none. */
  ranks?: Partial<Record<Projection, number>>;
  dropout?: number;
  /** Projections with a bias. */
  biases?: readonly Projection[];
  seed?: number;
}

export type Descriptor = NativeDecoderLayerDescriptor<HostBuffers>;

export function sizes(geometry: LayerGeometry): Record<Projection, [inFeatures: number, outFeatures: number]> {
  const { hiddenSize: hidden, intermediateSize: intermediate } = geometry;
  const q = geometry.numHeads * geometry.headDim;
  const kv = geometry.numKvHeads * geometry.headDim;
  return {
    q_proj: [hidden, q],
    k_proj: [hidden, kv],
    v_proj: [hidden, kv],
    o_proj: [q, hidden],
    gate_proj: [hidden, intermediate],
    up_proj: [hidden, intermediate],
    down_proj: [intermediate, hidden],
  };
}

export function randomLora(
  seed: number,
  inputs: number,
  outputs: number,
  rank: number,
  dropout = 0,
): NativeLora<HostBuffers> {
  return {
    a: normal(seed, rank * inputs, 1 / Math.sqrt(inputs)),
    b: normal(seed + 1, outputs * rank, 0.3),
    scaling: 0.75,
    dropout,
  };
}

export function randomLayer(options: LayerOptions = {}): Descriptor {
  const { geometry = GEOMETRY, ranks = {}, dropout = 0, biases = [], seed = 1 } = options;
  const make = (name: Projection): NativeLinear<HostBuffers> => {
    const [inputs, outputs] = sizes(geometry)[name];
    const key = seed * 1000 + PROJECTIONS.indexOf(name) * 10;
    const rank = ranks[name] ?? 0;
    return {
      inFeatures: inputs,
      outFeatures: outputs,
      weight: { kind: "dense", values: normal(key, inputs * outputs, 1 / Math.sqrt(inputs)) },
      bias: biases.includes(name) ? normal(key + 1, outputs, 0.5) : null,
      lora: rank ? randomLora(key + 2, inputs, outputs, rank, dropout) : null,
    };
  };
  return {
    geometry,
    inputNorm: uniform(seed + 1, geometry.hiddenSize, 0.3, 1),
    postAttentionNorm: uniform(seed + 2, geometry.hiddenSize, 0.3, 1),
    projections: Object.fromEntries(PROJECTIONS.map((name) => [name, make(name)])) as Descriptor["projections"],
  };
}

/** The float64 twin; `expand` gives the values of weights that are not dense. */
export function referenceLayer(
  layer: Descriptor,
  expand?: (linear: NativeLinear<HostBuffers>) => Float32Array,
): ReferenceLayer {
  const twin = (linear: NativeLinear<HostBuffers>): ReferenceLinear => ({
    in: linear.inFeatures,
    out: linear.outFeatures,
    weight: Float64Array.from(linear.weight.kind === "dense" ? linear.weight.values : expand!(linear)),
    bias: linear.bias && Float64Array.from(linear.bias),
    lora: linear.lora && {
      a: Float64Array.from(linear.lora.a),
      b: Float64Array.from(linear.lora.b),
      rank: linear.lora.a.length / linear.inFeatures,
      scaling: linear.lora.scaling,
      dropout: linear.lora.dropout,
    },
  });
  return {
    geometry: layer.geometry,
    inputNorm: Float64Array.from(layer.inputNorm),
    postAttentionNorm: Float64Array.from(layer.postAttentionNorm),
    projections: Object.fromEntries(
      PROJECTIONS.map((name) => [name, twin(layer.projections[name])]),
    ) as ReferenceLayer["projections"],
  };
}

/** Sequences of the given lengths laid end to end. */
export function pack(lengths: readonly number[]): { cuSeqlens: Int32Array; positions: Int32Array; rows: number } {
  const cuSeqlens = new Int32Array(lengths.length + 1);
  lengths.forEach((length, i) => {
    cuSeqlens[i + 1] = cuSeqlens[i]! + length;
  });
  const positions = Int32Array.from(lengths.flatMap((length) => Array.from({ length }, (_, i) => i)));
  return { cuSeqlens, positions, rows: positions.length };
}
