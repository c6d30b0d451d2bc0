/** What the planner of passes is told: the sizes that a model's passes have, and the memory that is free for them. */
import { freemem } from "node:os";
import { PROJECTIONS, type Projection, type Weight } from "../tensor/layers.js";
import { freeOnDevice, missingOnDevice, storedBytes, tensorMemory } from "../tensor/memory.js";
import type { Parameter } from "../tensor/parameter.js";
import type { CausalLM } from "./causalLm.js";
import type { GroupShape, PassShape } from "./passMemory.js";

/** Left free on a GPU: working memory of its libraries, and what the estimate leaves out. */
const MARGIN_BYTES = 256 * 2 ** 20;
/** Share of a GPU that is left free: blocks of different sizes do not fill its memory without gaps. */
const MARGIN_SHARE = 0.03;

/** Sizes of a model's passes with the adapters that it has now. */
export function passShape({ config, layers, lmHead, embedTokens }: CausalLM): PassShape {
  const quantised = (weight: Weight) => weight.kind === "nf4";
  const group = (...members: Projection[]): GroupShape => {
    const ranks = layers.map(({ projections }) =>
      members.reduce((sum, name) => sum + (projections[name].lora?.a.shape[0] ?? 0), 0),
    );
    const rank = Math.max(...ranks);
    return {
      rank,
      expanded: rank > 0 || layers.some((layer) => members.some((m) => quantised(layer.projections[m].weight))),
    };
  };
  return {
    geometry: config,
    numLayers: layers.length,
    vocabSize: config.vocabSize,
    elementBytes: storedBytes(embedTokens) / embedTokens.size,
    groups: {
      qkv: group("q_proj", "k_proj", "v_proj"),
      o: group("o_proj"),
      gateUp: group("gate_proj", "up_proj"),
      down: group("down_proj"),
    },
    headExpanded: quantised(lmHead),
    dropout: layers.some(({ projections }) => PROJECTIONS.some((name) => (projections[name].lora?.dropout ?? 0) > 0)),
  };
}

/** Bytes that are free for passes, once parameters and their gradients are where they will be. */
export function freeForPasses(parameters: readonly Parameter[]): number {
  const { gpu } = tensorMemory();
  // The processor's memory is shared with all else that runs.
  if (gpu === null) return freemem() / 2;
  const gradient = ({ grad, size }: Parameter) =>
    grad === null ? size * Float32Array.BYTES_PER_ELEMENT : missingOnDevice(grad);
  const coming = parameters.reduce((sum, parameter) => sum + missingOnDevice(parameter.value) + gradient(parameter), 0);
  return freeOnDevice(gpu) - coming - MARGIN_BYTES - MARGIN_SHARE * gpu.total;
}
