/** The native object of each decoder layer: made at first use, told when LoRA's arrays are other ones, freed with it. */
import type {
  HostBuffers,
  NativeDecoderLayer,
  NativeLinear,
  NativeLora,
  NativeWeight,
  OpTable,
} from "../../native/addon.js";
import { type DecoderLayer, type Linear, PROJECTIONS, type Projection, type Weight } from "../layers.js";
import { hostArray } from "./host.js";

type Lora = NativeLora<HostBuffers> | null;

interface Known {
  readonly handle: NativeDecoderLayer;
  /** The arrays that the native object refers to. */
  readonly lora: Record<Projection, Lora>;
}

const known = new WeakMap<DecoderLayer, Known>();

export function nativeWeight(weight: Weight): NativeWeight<HostBuffers> {
  return weight.kind === "nf4" ? weight : { kind: "dense", values: hostArray(weight.values) };
}

/** The LoRA pair as arrays of this moment: assigning to a variable gives it another array. */
function nativeLora({ lora }: Linear): Lora {
  if (lora === null) return null;
  const { a, b, scaling, dropout } = lora;
  return { a: hostArray(a.value), b: hostArray(b.value), scaling, dropout };
}

export function nativeLinear(linear: Linear): NativeLinear<HostBuffers> {
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
  const entry = known.get(layer);
  if (entry === undefined) {
    const made = create(ops, layer);
    known.set(layer, made);
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
