/** The native objects of layers and matrices: made at first use, told when LoRA's arrays are other ones, freed with it. */
import type * as tf from "@tensorflow/tfjs";
import type {
  HostBuffers,
  NativeDecoderLayer,
  NativeLinear,
  NativeLinearHandle,
  NativeLora,
  NativeWeight,
  OpTable,
} from "../../native/addon.js";
import type { QuantState } from "../../quant/quantState.js";
import { type DecoderLayer, type Linear, PROJECTIONS, type Projection, type Weight } from "../layers.js";
import { hostArray } from "./host.js";

type Lora = NativeLora<HostBuffers> | null;

interface Known {
  readonly handle: NativeDecoderLayer;
  /** The arrays that the native object refers to. */
  readonly lora: Record<Projection, Lora>;
}

const layers = new WeakMap<DecoderLayer, Known>();
const linears = new WeakMap<Linear, { readonly handle: NativeLinearHandle; lora: Lora }>();
const matrices = new WeakMap<QuantState | tf.Tensor2D, { handle: NativeLinearHandle; values: Float32Array | null }>();

function nativeWeight(weight: Weight): NativeWeight<HostBuffers> {
  return weight.kind === "nf4" ? weight : { kind: "dense", values: hostArray(weight.values) };
}

/** The LoRA pair as arrays of this moment: assigning to a variable gives it another array. */
function nativeLora({ lora }: Linear): Lora {
  if (lora === null) return null;
  const { a, b, scaling, dropout } = lora;
  return { a: hostArray(a.value), b: hostArray(b.value), scaling, dropout };
}

function nativeLinear(linear: Linear): NativeLinear<HostBuffers> {
  const { inFeatures, outFeatures, bias } = linear;
  return {
    inFeatures,
    outFeatures,
    weight: nativeWeight(linear.weight),
    bias: bias === null ? null : hostArray(bias),
    lora: nativeLora(linear),
  };
}

function same(a: Lora, b: Lora): boolean {
  if (a === null || b === null) return a === b;
  return a.a === b.a && a.b === b.b && a.scaling === b.scaling && a.dropout === b.dropout;
}

function create(ops: OpTable, layer: DecoderLayer): Known {
  const entries = PROJECTIONS.map((name) => [name, nativeLinear(layer.projections[name])] as const);
  const projections = Object.fromEntries(entries) as Record<Projection, NativeLinear<HostBuffers>>;
  const handle = ops.createDecoderLayer({
    geometry: layer.geometry,
    inputNorm: hostArray(layer.inputNorm),
    postAttentionNorm: hostArray(layer.postAttentionNorm),
    projections,
  });
  const lora = Object.fromEntries(PROJECTIONS.map((name) => [name, projections[name].lora])) as Record<
    Projection,
    Lora
  >;
  return { handle, lora };
}

/** The native object of a layer, with the LoRA pairs that the layer has now. */
export function layerHandle(ops: OpTable, layer: DecoderLayer): NativeDecoderLayer {
  const entry = layers.get(layer);
  if (entry === undefined) {
    const made = create(ops, layer);
    layers.set(layer, made);
    return made.handle;
  }
  for (const name of PROJECTIONS) {
    const now = nativeLora(layer.projections[name]);
    if (same(now, entry.lora[name])) continue;
    ops.setLora(entry.handle, name, now);
    entry.lora[name] = now;
  }
  return entry.handle;
}

/** The native object of a projection, with the LoRA pair that it has now. */
export function linearHandle(ops: OpTable, linear: Linear): NativeLinearHandle {
  const entry = linears.get(linear);
  if (entry === undefined) {
    const descriptor = nativeLinear(linear);
    const handle = ops.createLinear(descriptor);
    linears.set(linear, { handle, lora: descriptor.lora });
    return handle;
  }
  const now = nativeLora(linear);
  if (!same(now, entry.lora)) {
    ops.setLinearLora(entry.handle, now);
    entry.lora = now;
  }
  return entry.handle;
}

/** The native object of a bare matrix: an embedding table or a head. */
export function matrixHandle(ops: OpTable, weight: Weight): NativeLinearHandle {
  const key = weight.kind === "nf4" ? weight.state : weight.values;
  const values = weight.kind === "nf4" ? null : hostArray(weight.values);
  const entry = matrices.get(key);
  if (entry !== undefined && entry.values === values) return entry.handle;
  const [outFeatures, inFeatures] = key.shape as [number, number];
  const handle = ops.createLinear({ inFeatures, outFeatures, weight: nativeWeight(weight), bias: null, lora: null });
  matrices.set(key, { handle, values });
  return handle;
}
