/** The native objects of layers and matrices: made at first use, told when LoRA's buffers are other ones, freed with it. */
import type * as tf from "@tensorflow/tfjs";
import type {
  Buffers,
  NativeDecoderLayer,
  NativeLinear,
  NativeLinearHandle,
  NativeLora,
  NativeWeight,
} from "../../native/addon.js";
import type { QuantState } from "../../quant/quantState.js";
import { type DecoderLayer, type Linear, PROJECTIONS, type Projection, type Weight } from "../layers.js";
import type { Surface } from "./surface.js";

type Lora = NativeLora<Buffers> | null;

interface Known {
  readonly handle: NativeDecoderLayer;
  /** The buffers that the native object refers to. */
  readonly lora: Record<Projection, Lora>;
}

/** What one backend has made. */
interface Made {
  readonly layers: WeakMap<DecoderLayer, Known>;
  readonly linears: WeakMap<Linear, { readonly handle: NativeLinearHandle; lora: Lora }>;
  readonly matrices: WeakMap<QuantState | tf.Tensor2D, { handle: NativeLinearHandle; values: unknown }>;
}

const backends = new WeakMap<Surface, Made>();

function madeBy(surface: Surface): Made {
  let made = backends.get(surface);
  if (made === undefined) {
    made = { layers: new WeakMap(), linears: new WeakMap(), matrices: new WeakMap() };
    backends.set(surface, made);
  }
  return made;
}

function nativeWeight(surface: Surface, weight: Weight): NativeWeight<Buffers> {
  return weight.kind === "nf4"
    ? { kind: "nf4", state: surface.quantState(weight.state) }
    : { kind: "dense", values: surface.buffer(weight.values, "weights") };
}

/** The LoRA pair as buffers of this moment: assigning to a variable gives it another one. */
function nativeLora(surface: Surface, { lora }: Linear): Lora {
  if (lora === null) return null;
  const { a, b, scaling, dropout } = lora;
  return { a: surface.buffer(a.value, "adapters"), b: surface.buffer(b.value, "adapters"), scaling, dropout };
}

function nativeLinear(surface: Surface, linear: Linear): NativeLinear<Buffers> {
  const { inFeatures, outFeatures, bias } = linear;
  return {
    inFeatures,
    outFeatures,
    weight: nativeWeight(surface, linear.weight),
    bias: bias === null ? null : surface.buffer(bias, "weights"),
    lora: nativeLora(surface, linear),
  };
}

function same(a: Lora, b: Lora): boolean {
  if (a === null || b === null) return a === b;
  return a.a === b.a && a.b === b.b && a.scaling === b.scaling && a.dropout === b.dropout;
}

function create(surface: Surface, layer: DecoderLayer): Known {
  const entries = PROJECTIONS.map((name) => [name, nativeLinear(surface, layer.projections[name])] as const);
  const projections = Object.fromEntries(entries) as Record<Projection, NativeLinear<Buffers>>;
  const handle = surface.ops.createDecoderLayer({
    geometry: layer.geometry,
    inputNorm: surface.buffer(layer.inputNorm, "weights"),
    postAttentionNorm: surface.buffer(layer.postAttentionNorm, "weights"),
    projections,
  });
  const lora = Object.fromEntries(PROJECTIONS.map((name) => [name, projections[name].lora])) as Record<
    Projection,
    Lora
  >;
  return { handle, lora };
}

/** The native object of a layer, with the LoRA pairs that the layer has now. */
export function layerHandle(surface: Surface, layer: DecoderLayer): NativeDecoderLayer {
  const { layers } = madeBy(surface);
  const entry = layers.get(layer);
  if (entry === undefined) {
    const made = create(surface, layer);
    layers.set(layer, made);
    return made.handle;
  }
  for (const name of PROJECTIONS) {
    const now = nativeLora(surface, layer.projections[name]);
    if (same(now, entry.lora[name])) continue;
    surface.ops.setLora(entry.handle, name, now);
    entry.lora[name] = now;
  }
  return entry.handle;
}

/** The native object of a projection, with the LoRA pair that it has now. */
export function linearHandle(surface: Surface, linear: Linear): NativeLinearHandle {
  // A bare matrix has one object however often it is wrapped anew.
  if (linear.bias === null && linear.lora === null) return matrixHandle(surface, linear.weight);
  const { linears } = madeBy(surface);
  const entry = linears.get(linear);
  if (entry === undefined) {
    const descriptor = nativeLinear(surface, linear);
    const handle = surface.ops.createLinear(descriptor);
    linears.set(linear, { handle, lora: descriptor.lora });
    return handle;
  }
  const now = nativeLora(surface, linear);
  if (!same(now, entry.lora)) {
    surface.ops.setLinearLora(entry.handle, now);
    entry.lora = now;
  }
  return entry.handle;
}

/** The native object of a bare matrix: an embedding table or a head. */
export function matrixHandle(surface: Surface, weight: Weight): NativeLinearHandle {
  const { matrices } = madeBy(surface);
  const key = weight.kind === "nf4" ? weight.state : weight.values;
  const values = weight.kind === "nf4" ? null : surface.buffer(weight.values, "weights");
  const entry = matrices.get(key);
  if (entry !== undefined && entry.values === values) return entry.handle;
  const [outFeatures, inFeatures] = key.shape as [number, number];
  const descriptor = { inFeatures, outFeatures, weight: nativeWeight(surface, weight), bias: null, lora: null };
  const handle = surface.ops.createLinear(descriptor);
  matrices.set(key, { handle, values });
  return handle;
}

/** Frees the native objects of a layer now, and with them their hold on the weights' memory. */
export function releaseLayer(surface: Surface, layer: DecoderLayer): void {
  const { layers } = madeBy(surface);
  const entry = layers.get(layer);
  if (entry === undefined) return;
  layers.delete(layer);
  surface.ops.dispose(entry.handle);
}

/** Frees the native object of a bare matrix now. */
export function releaseMatrix(surface: Surface, weight: Weight): void {
  const { matrices } = madeBy(surface);
  const key = weight.kind === "nf4" ? weight.state : weight.values;
  const entry = matrices.get(key);
  if (entry === undefined) return;
  matrices.delete(key);
  surface.ops.dispose(entry.handle);
}
