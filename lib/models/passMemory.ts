/**
 * Bytes that a training pass holds at most, from sizes alone: what lib/native/cuda/decoder_layer.cc, linear products and the
 * loss have allocated at the same time, phase by phase. Other backends hold about as much.
 */
import type { LayerGeometry, Saving } from "../tensor/layers.js";

/** The projections that read one input and are multiplied together. */
export interface GroupShape {
  /** LoRA ranks of its members together. */
  readonly rank: number;
  /** Weights are expanded for each product: they are quantised, or LoRA rides behind them. */
  readonly expanded: boolean;
}

/** What the size of a pass depends on, beside its tokens. */
export interface PassShape {
  readonly geometry: LayerGeometry;
  readonly numLayers: number;
  readonly vocabSize: number;
  /** Bytes of one activation: 2 in bfloat16 and float16, 4 in float32. */
  readonly elementBytes: number;
  readonly groups: Readonly<Record<"qkv" | "o" | "gateUp" | "down", GroupShape>>;
  readonly headExpanded: boolean;
  /** LoRA drops inputs, which takes a copy of them. */
  readonly dropout: boolean;
}

/** Where layers' inputs wait for the backward pass. */
export type InputPlace = "device" | "host";

/** Logits of one chunk of the loss, as lib/native/cuda/cross_entropy_ops.cc cuts it. */
const CHUNK_ELEMENTS = 2 ** 27;
const CHUNK_TILE = 128;
const MOST_CHUNK_ROWS = 4096;

/** Bytes of one layer at a number of tokens: what it keeps between the passes, and what is there at most during each. */
interface LayerBytes {
  readonly kept: number;
  readonly forward: number;
  /** Counts `kept` in. */
  readonly backward: number;
}

type LayerTable = Readonly<Record<Saving, LayerBytes>>;

function layerTable(shape: PassShape, tokens: number): LayerTable {
  const { hiddenSize, intermediateSize, numHeads, numKvHeads, headDim } = shape.geometry;
  const { groups, elementBytes } = shape;
  const [queries, width] = [numHeads * headDim, (numHeads + 2 * numKvHeads) * headDim];
  const stride = (inputs: number, { rank }: GroupShape) => (rank > 0 ? 8 * Math.ceil((inputs + rank) / 8) : inputs);
  /** What a product needs beside its operands and result. */
  const work = (inputs: number, outputs: number, group: GroupShape) => {
    const row = stride(inputs, group);
    const lora = (row - inputs) * inputs * (elementBytes + 4);
    const panel = group.expanded ? outputs * row * elementBytes : 0;
    return Math.max(panel, lora + (shape.dropout && group.rank > 0 ? tokens * inputs * elementBytes : 0));
  };
  const rows = (columns: number) => tokens * columns * elementBytes;
  const x1 = rows(stride(hiddenSize, groups.qkv));
  const x2 = rows(stride(hiddenSize, groups.gateUp));
  const qkv = rows(width);
  const attended = rows(stride(queries, groups.o));
  const lse = 4 * tokens * numHeads;
  const hidden = rows(hiddenSize);
  const gateUp = rows(2 * intermediateSize);
  const act = rows(stride(intermediateSize, groups.down));
  const qkvWork = work(hiddenSize, width, groups.qkv);
  const oWork = work(queries, hiddenSize, groups.o);
  const gateUpWork = work(hiddenSize, 2 * intermediateSize, groups.gateUp);
  const downWork = work(intermediateSize, hiddenSize, groups.down);

  const layer = (norms: boolean, attention: boolean, gates: boolean, activated: boolean): LayerBytes => {
    const when = (kept: boolean, bytes: number) => (kept ? bytes : 0);
    const first = when(norms, x1) + when(attention, qkv + lse);
    const lower = first + when(attention, attended) + hidden;
    const forward = Math.max(
      x1 + qkv + Math.max(qkvWork, attended + lse),
      first + attended + hidden + oWork,
      lower + x2 + gateUp + gateUpWork,
      lower + when(norms, x2) + gateUp + act,
      lower + when(norms, x2) + when(gates, gateUp) + act + downWork,
    );
    // Norms that the recomputation needed stay until their turn comes.
    const base = when(norms || !attention, x1) + qkv + attended + lse + hidden;
    const normed = when(norms || !gates, x2);
    const backward = Math.max(
      when(!attention, x1 + qkv + Math.max(qkvWork, attended + lse + hidden + oWork)),
      when(!gates, base + x2 + gateUp + gateUpWork),
      base + normed + gateUp + 2 * act + downWork,
      base + gateUp + 2 * x2 + gateUpWork,
      base - hidden + qkv + attended + lse + oWork,
      lse + qkv + 2 * x1 + qkvWork,
    );
    const kept =
      when(norms, x1 + x2) +
      when(attention, qkv + attended + lse + hidden) +
      when(gates, gateUp) +
      when(activated, act);
    return { kept, forward, backward };
  };
  return {
    all: layer(true, true, true, true),
    selected: layer(false, true, true, false),
    none: layer(false, false, false, false),
  };
}

/** The last norm, the head and the loss, beside the layers' inputs and what they keep. */
function lossBytes({ geometry, vocabSize, elementBytes, headExpanded }: PassShape, tokens: number): number {
  const row = geometry.hiddenSize * elementBytes;
  const tiles = Math.floor(CHUNK_ELEMENTS / vocabSize / CHUNK_TILE);
  const chunk = Math.min(tokens, CHUNK_TILE * Math.min(MOST_CHUNK_ROWS / CHUNK_TILE, Math.max(1, tiles)));
  const panel = headExpanded ? vocabSize * row : 0;
  return 3 * tokens * row + chunk * (4 * vocabSize + 2 * row) + panel + 16 * tokens;
}

/**
 * Bytes that one pass holds at most beside weights, adapters and their gradients.
 *
 * @param savings what each layer keeps
 */
export function passPeak(shape: PassShape, tokens: number, savings: readonly Saving[], inputs: InputPlace): number {
  const table = layerTable(shape, tokens);
  const row = tokens * shape.geometry.hiddenSize * shape.elementBytes;
  const last = savings.length - 1;
  let peak = 0;
  let kept = 0;
  savings.forEach((saving, index) => {
    const { forward, backward } = table[saving];
    const waiting = (inputs === "host" ? 1 : index + 1) * row;
    // Forward has the output beside the inputs; backward the gradient, and an input on its way or the first layer's own.
    const coming = inputs === "host" || index === 0 ? row : 0;
    peak = Math.max(peak, kept + waiting + row + forward, kept + waiting + row + coming + backward);
    kept += table[saving].kept;
  });
  const waiting = (inputs === "host" ? 1 : last + 1) * row;
  return Math.max(peak, kept + waiting + lossBytes(shape, tokens));
}
