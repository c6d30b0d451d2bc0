/** Refusals of shapes that do not fit together, before a kernel reads past the end of something. */
import type * as tf from "@tensorflow/tfjs";
import { fail } from "../errors.js";
import type { KvCache, LayerGeometry, PackedSequences } from "./layers.js";

/** Rows of x, offsets and positions must tell of the same tokens. */
export function checkPacked({ shape: [tokens] }: Pick<tf.Tensor2D, "shape">, batch: PackedSequences): void {
  const { cuSeqlens, positions } = batch;
  const last = cuSeqlens.at(-1);
  if (tokens === 0) fail("A batch without tokens was given to a layer.", { hint: "Leave empty batches out." });
  if (cuSeqlens[0] !== 0 || last !== tokens || cuSeqlens.some((offset, i) => i > 0 && offset < cuSeqlens[i - 1]!)) {
    fail(`cuSeqlens must rise from 0 to the ${tokens} rows of x, but it is [${cuSeqlens.join(", ")}].`);
  }
  if (positions.length !== tokens) fail(`positions has ${positions.length} entries for ${tokens} rows of x.`);
}

export function checkHidden(x: tf.Tensor2D, { hiddenSize }: LayerGeometry): void {
  if (x.shape[1] !== hiddenSize) fail(`x has ${x.shape[1]} columns, but the layer's hiddenSize is ${hiddenSize}.`);
}

/** Labels must stand at every row of x, and name a row of the head or be -100. */
export function checkLabels(
  { shape: [tokens] }: Pick<tf.Tensor2D, "shape">,
  labels: Int32Array,
  vocabSize: number,
): void {
  if (labels.length !== tokens) fail(`labels has ${labels.length} entries for ${tokens} rows of hidden states.`);
  checkIds(
    labels.filter((label) => label !== -100),
    vocabSize,
  );
}

export function checkIds(ids: Int32Array, rows: number): void {
  const wrong = ids.find((id) => id < 0 || id >= rows);
  if (wrong !== undefined) fail(`Token id ${wrong} is outside of the embedding's ${rows} rows.`);
}

/** The new rows of every sequence must fit and follow what the cache holds. */
export function checkCached(batch: PackedSequences, cache: KvCache): void {
  const { cuSeqlens, positions } = batch;
  if (cuSeqlens.length - 1 !== cache.lengths.length) {
    fail(`The batch has ${cuSeqlens.length - 1} sequences, but the cache was made for ${cache.lengths.length}.`);
  }
  for (let s = 0; s < cache.lengths.length; s++) {
    const count = cuSeqlens[s + 1]! - cuSeqlens[s]!;
    const held = cache.lengths[s]!;
    if (held + count > cache.capacity) {
      fail(`Sequence ${s} would hold ${held + count} tokens, but the cache's capacity is ${cache.capacity}.`, {
        hint: "Create the cache with a larger capacity.",
      });
    }
    if (count > 0 && positions[cuSeqlens[s]!] !== held) {
      fail(`Sequence ${s} goes on at position ${positions[cuSeqlens[s]!]}, but the cache holds ${held} tokens of it.`);
    }
  }
}
