/** Descriptors of layers on the GPU, made from those of the CPU. */
import type {
  DeviceBuffer,
  DeviceBuffers,
  HostBuffers,
  NativeDecoderLayerDescriptor,
  NativeLinear,
  NativeLora,
} from "../../lib/native/addon.js";
import { quantizeNf4 } from "../../lib/quant/nf4.js";
import { PROJECTIONS, type Projection } from "../../lib/tensor/layers.js";
import type { Descriptor } from "../lib/native/reference/layers.js";
import { cuda, down, type Real, up, zeros } from "./device.js";

/** Codes that all matrices share, as the library shares them. */
const constants = new Map<string, DeviceBuffer>();
function constant(values: Float32Array): DeviceBuffer {
  const key = values.join();
  if (!constants.has(key)) constants.set(key, up(values));
  return constants.get(key)!;
}

export function loraOnDevice(lora: NativeLora<HostBuffers> | null): NativeLora<DeviceBuffers> | null {
  return lora && { ...lora, a: up(lora.a), b: up(lora.b) };
}

export function linearOnDevice(linear: NativeLinear<HostBuffers>, dense: Real = "f32"): NativeLinear<DeviceBuffers> {
  const { weight } = linear;
  return {
    ...linear,
    weight:
      weight.kind === "dense"
        ? { kind: "dense", values: up(weight.values, dense) }
        : {
            kind: "nf4",
            state: {
              ...weight.state,
              packed: cuda.upload(weight.state.packed),
              absmax: cuda.upload(weight.state.absmax),
              nestedAbsmax: up(weight.state.nestedAbsmax),
              code: constant(weight.state.code),
              nestedCode: constant(weight.state.nestedCode),
            },
          },
    bias: linear.bias && up(linear.bias),
    lora: loraOnDevice(linear.lora),
  };
}

export function layerOnDevice(layer: Descriptor, dense: Real = "f32"): NativeDecoderLayerDescriptor<DeviceBuffers> {
  return {
    geometry: layer.geometry,
    inputNorm: up(layer.inputNorm),
    postAttentionNorm: up(layer.postAttentionNorm),
    projections: Object.fromEntries(
      PROJECTIONS.map((name) => [name, linearOnDevice(layer.projections[name], dense)]),
    ) as NativeDecoderLayerDescriptor<DeviceBuffers>["projections"],
  };
}

/** The same layer with its weights as NF4. */
export function quantized(layer: Descriptor): Descriptor {
  const convert = (linear: NativeLinear<HostBuffers>): NativeLinear<HostBuffers> =>
    linear.weight.kind === "nf4"
      ? linear
      : {
          ...linear,
          weight: {
            kind: "nf4",
            state: quantizeNf4(linear.weight.values, {
              shape: [linear.outFeatures, linear.inFeatures],
              variant: "cuda",
            }),
          },
        };
  return {
    ...layer,
    projections: Object.fromEntries(
      PROJECTIONS.map((name) => [name, convert(layer.projections[name])]),
    ) as Descriptor["projections"],
  };
}

export type DeviceGradients = Partial<Record<Projection, { a: DeviceBuffer; b: DeviceBuffer }>>;
export type HostGradients = Partial<Record<Projection, { a: Float32Array; b: Float32Array }>>;

export function hostGradients(layer: Descriptor): HostGradients {
  const result: HostGradients = {};
  for (const name of PROJECTIONS) {
    const { lora } = layer.projections[name];
    if (lora) result[name] = { a: new Float32Array(lora.a.length), b: new Float32Array(lora.b.length) };
  }
  return result;
}

export function deviceGradients(layer: Descriptor): DeviceGradients {
  const result: DeviceGradients = {};
  for (const [name, { a, b }] of Object.entries(hostGradients(layer)))
    result[name as Projection] = { a: zeros(a.length), b: zeros(b.length) };
  return result;
}

export function downGradients(gradients: DeviceGradients): HostGradients {
  const result: HostGradients = {};
  for (const [name, { a, b }] of Object.entries(gradients)) result[name as Projection] = { a: down(a), b: down(b) };
  return result;
}
