/**
 * Divides memory in training: what each layer keeps for its backward pass, and how many tokens go through the model at a
 * time. The fastest that fits is chosen by what it costs to compute something again.
 */
import { gibibytes } from "../gibibytes.js";
import { SAVINGS, type Saving } from "../tensor/layers.js";
import { type InputPlace, type PassShape, passPeak } from "./passMemory.js";

/** `useGradientCheckpointing`. */
export type Checkpointing = boolean | "unsloth" | "auto";

/** What passes will be asked for, and what there is for them. */
export interface PassRequest {
  readonly mode: Checkpointing;
  /** Of the largest update. */
  readonly tokens: number;
  /** Of the longest sequence: no pass is smaller. */
  readonly longest: number;
  /** The most tokens that a pass may have; null: as many as memory allows. */
  readonly maxTokens: number | null;
  /** Bytes that are free for passes. */
  readonly budget: number;
  /** Whether there is a memory other than the one that computes. */
  readonly hasHost: boolean;
}

export interface PassPlan {
  /** What each layer keeps. */
  readonly savings: readonly Saving[];
  readonly inputs: InputPlace;
  /** No pass has more, unless a single sequence does. */
  readonly tokensPerPass: number;
  /** Bytes that a pass will hold at most, by estimate. */
  readonly peakBytes: number;
  /** The budget that it was made for. */
  readonly budget: number;
  /** Whether the estimate stays below the budget. */
  readonly fits: boolean;
}

/**
 * Time that recomputation adds to a layer's forward and backward pass. "none" was measured on one layer of a 14B model
 * (tests/gpu/README.md), "selected" follows from the memory that norms and SwiGLU pass over there; the shares of other
 * models are much the same. Keeping all but gate and up would lie above the line from "none" to "selected": a mixture of
 * these two, layer by layer, saves more time with the same memory.
 */
const RECOMPUTED: Readonly<Record<Saving, number>> = { all: 0, selected: 0.036, none: 0.38 };
/** What a pass costs whatever its size, in tokens, roughly: expanding all weights, products that do not fill the GPU. */
const PASS_TOKENS = 300;
/** What copies between host and GPU may cost at most, though they run beside the computation. */
const COPIED = 0.02;
/** A pass of more tokens is hardly faster, so that "unsloth", which is asked for to save memory, makes none. */
const SAVER_TOKENS = 8192;
/** Passes that an update is divided into at most. */
const MOST_PASSES = 256;

/** The plan for a mode and what is there; one that does not fit is the smallest there is. */
export function planPasses(shape: PassShape, request: PassRequest): PassPlan {
  const { mode, hasHost, budget } = request;
  const places: InputPlace[] =
    mode === "auto" && hasHost ? ["device", "host"] : [mode === "unsloth" ? "host" : "device"];
  let best: { plan: PassPlan; cost: number } | null = null;
  let smallest: PassPlan | null = null;
  for (const inputs of places) {
    for (const tokensPerPass of passSizes(request)) {
      const savings = choose(shape, tokensPerPass, inputs, mode, budget);
      const peakBytes = passPeak(shape, tokensPerPass, savings, inputs);
      const plan = { savings, inputs, tokensPerPass, peakBytes, budget, fits: peakBytes <= budget };
      if (smallest === null || peakBytes < smallest.peakBytes) smallest = plan;
      if (!plan.fits) continue;
      const cost = costOf(plan, request.tokens);
      if (best === null || cost < best.cost) best = { plan, cost };
      // Smaller passes only cost more where the saving is given.
      if (mode !== "auto") break;
    }
  }
  return best?.plan ?? smallest!;
}

/** Sizes of the passes that an update can be divided into, the largest first. */
function passSizes({ mode, tokens, longest, maxTokens }: PassRequest): number[] {
  const most = Math.max(longest, maxTokens ?? (mode === "unsloth" ? SAVER_TOKENS : tokens));
  const sizes = new Set([Math.min(tokens, most)]);
  for (let passes = 2; passes <= MOST_PASSES; passes++) {
    // Sequences stay whole, so a pass may get half of one more than its share.
    const size = Math.max(longest, Math.ceil(tokens / passes + longest / 2));
    if (size < most) sizes.add(size);
    if (size === longest) break;
  }
  return [...sizes];
}

/** What each layer keeps at a size of pass. */
function choose(
  shape: PassShape,
  tokens: number,
  inputs: InputPlace,
  mode: Checkpointing,
  budget: number,
): readonly Saving[] {
  const uniform = (saving: Saving) => new Array<Saving>(shape.numLayers).fill(saving);
  if (mode === false) return uniform("all");
  const none = uniform("none");
  if (mode === true) return none;
  // To save memory nothing is kept that makes the peak higher: the last layers' backward comes first.
  const limit = mode === "unsloth" ? passPeak(shape, tokens, none, inputs) : budget;
  return upgraded(shape, tokens, inputs, none, limit);
}

/**
 * Lets layers keep more while memory lasts. What "selected" adds to "none" saves five times as much time a byte as what
 * "all" adds to it, so it comes first; late layers come first, because their backward pass makes room for the others'.
 */
function upgraded(
  shape: PassShape,
  tokens: number,
  inputs: InputPlace,
  from: readonly Saving[],
  limit: number,
): readonly Saving[] {
  let savings = from;
  for (const better of ["selected", "all"] as const) {
    for (let index = savings.length - 1; index >= 0; index--) {
      const next = savings.with(index, better);
      if (passPeak(shape, tokens, next, inputs) > limit) break;
      savings = next;
    }
  }
  return savings;
}

/** In tokens that are computed without saving or dividing anything. */
function costOf({ savings, inputs, tokensPerPass }: PassPlan, tokens: number): number {
  const again = savings.reduce((sum, saving) => sum + RECOMPUTED[saving], 0) / savings.length;
  const copied = inputs === "host" ? COPIED : 0;
  return tokens * (1 + again + copied) + PASS_TOKENS * Math.ceil(tokens / tokensPerPass);
}

/** Whether an update goes through the model at once and nothing is computed again: there is nothing to gain then. */
export function keepsEverything({ savings, tokensPerPass }: PassPlan, tokens: number): boolean {
  return tokensPerPass >= tokens && savings.every((saving) => saving === "all");
}

const KEPT: Readonly<Record<Saving, readonly [one: string, several: string]>> = {
  all: ["layer keeps everything", "layers keep everything"],
  selected: ["layer keeps what matrix products made", "layers keep what matrix products made"],
  none: ["layer computes everything again", "layers compute everything again"],
};

/** One sentence: what the layers keep, and where, in what passes. */
export function describePlan({ savings, inputs, tokensPerPass, peakBytes, budget, fits }: PassPlan): string {
  const parts = SAVINGS.flatMap((saving) => {
    const count = savings.filter((other) => other === saving).length;
    const words = KEPT[saving][count === 1 ? 0 : 1];
    return count === 0 ? [] : [`${count === savings.length && count > 1 ? "all " : ""}${count} ${words}`];
  });
  const where = inputs === "host" ? ", inputs wait in host memory" : "";
  const room = fits ? `of ${gibibytes(budget)} that are free` : `but only ${gibibytes(Math.max(0, budget))} are free`;
  return (
    `${parts.join(", ")}${where}; passes of up to ${tokensPerPass.toLocaleString("en-US")} tokens take ` +
    `${gibibytes(peakBytes)} ${room}.`
  );
}
