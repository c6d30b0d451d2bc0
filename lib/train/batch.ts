/** Padding-free batches: sequences laid end to end, split only when they exceed a token budget. */
import type { PackedBatch } from "../tensor/layers.js";

/** The label of a token that the loss leaves out. */
export const IGNORED_LABEL = -100;

/** The most tokens of a pass where nothing else says it. */
export const DEFAULT_PASS_TOKENS = 8192;

/** One text as tokens. */
export interface Sequence {
  readonly inputIds: Int32Array;
  /** Same length; a token's own id, or -100 where it is not to be learnt. */
  readonly labels: Int32Array;
}

/** One sample of a batch: one sequence, or several when `packing` fills rows. They never see each other. */
export type Example = readonly Sequence[];

/**
 * How many tokens a step's loss is averaged over. "shifted": the tokens that are predicted, i.e. labels from the second
 * token of each sequence on; the loss is then their exact mean. "unshifted": all labels, as transformers counts.
 */
export type ItemCount = "shifted" | "unshifted";

export function countItems(sequences: readonly Sequence[], count: ItemCount): number {
  let items = 0;
  for (const { labels } of sequences) {
    for (let i = count === "shifted" ? 1 : 0; i < labels.length; i++) if (labels[i] !== IGNORED_LABEL) items++;
  }
  return items;
}

export function countTokens(sequences: readonly Sequence[]): number {
  return sequences.reduce((sum, { inputIds }) => sum + inputIds.length, 0);
}

/** Lays sequences end to end; positions start at 0 in each. */
export function packSequences(sequences: readonly Sequence[]): PackedBatch {
  const tokens = countTokens(sequences);
  const inputIds = new Int32Array(tokens);
  const labels = new Int32Array(tokens);
  const positions = new Int32Array(tokens);
  const cuSeqlens = new Int32Array(sequences.length + 1);
  let offset = 0;
  for (const [index, sequence] of sequences.entries()) {
    const { length } = sequence.inputIds;
    inputIds.set(sequence.inputIds, offset);
    labels.set(sequence.labels, offset);
    for (let i = 0; i < length; i++) positions[offset + i] = i;
    offset += length;
    cuSeqlens[index + 1] = offset;
  }
  return { inputIds, labels, positions, cuSeqlens };
}

/**
 * Groups of at most `budget` tokens each, as few and as even as filling them longest first makes them; a longer sequence
 * stands alone. Sequences with nothing to learn are left out. All groups of a step share one divisor, so that the split
 * changes no gradient.
 */
export function splitByBudget(sequences: readonly Sequence[], budget: number): Sequence[][] {
  const learnt = sequences.filter((sequence) => countItems([sequence], "shifted") > 0);
  const long = learnt.filter(({ inputIds }) => inputIds.length > budget);
  const short = learnt.filter(({ inputIds }) => inputIds.length <= budget);
  const alone = long.map((sequence) => [sequence]);
  if (short.length === 0) return alone;
  for (let count = Math.ceil(countTokens(short) / budget); ; count++) {
    const groups = spread(short, count);
    if (groups.every((group) => countTokens(group) <= budget)) return [...alone, ...groups];
  }
}

/** Each sequence, the longest first, to the group with the fewest tokens; inside a group they keep their order. */
function spread(sequences: readonly Sequence[], count: number): Sequence[][] {
  const groups = Array.from({ length: count }, () => ({ tokens: 0, members: [] as number[] }));
  const bySize = sequences.map((_, index) => index);
  bySize.sort((a, b) => sequences[b]!.inputIds.length - sequences[a]!.inputIds.length);
  for (const index of bySize) {
    const smallest = groups.reduce((least, group) => (group.tokens < least.tokens ? group : least));
    smallest.tokens += sequences[index]!.inputIds.length;
    smallest.members.push(index);
  }
  return groups
    .filter(({ members }) => members.length > 0)
    .map(({ members }) => members.sort((a, b) => a - b).map((index) => sequences[index]!));
}

/** Best-fit decreasing: fills rows of at most `maxTokens` with whole sequences (`packing: true`). */
export function packExamples(examples: readonly Example[], maxTokens: number): Example[] {
  const bySize = examples.flat().sort((a, b) => b.inputIds.length - a.inputIds.length);
  const rows: { sequences: Sequence[]; free: number }[] = [];
  for (const sequence of bySize) {
    const { length } = sequence.inputIds;
    let best: { sequences: Sequence[]; free: number } | undefined;
    for (const row of rows) if (row.free >= length && (best === undefined || row.free < best.free)) best = row;
    if (best === undefined) {
      best = { sequences: [], free: maxTokens };
      rows.push(best);
    }
    best.sequences.push(sequence);
    best.free -= length;
  }
  return rows.map((row) => row.sequences);
}
