/** Frozen matrices as tfjs tensors, both ways round: dequantised and transposed once, held while a budget lasts. */
import * as tf from "@tensorflow/tfjs";
import { dequantizeNf4 } from "../../quant/nf4.js";
import type { QuantState } from "../../quant/quantState.js";
import type { Weight } from "../layers.js";

/** The same matrix in the two layouts that forward and backward multiply by. */
export interface Matrix {
  /** [out, in] */
  readonly rows: tf.Tensor2D;
  /** [in, out] */
  readonly columns: tf.Tensor2D;
}

interface Entry extends Matrix {
  readonly bytes: number;
}

/** Insertion order is order of use: the first key is the one used longest ago. */
const held = new Map<QuantState | tf.Tensor2D, Entry>();
let heldBytes = 0;
let budgetBytes = 512 * 2 ** 20;

function drop(key: QuantState | tf.Tensor2D): void {
  const entry = held.get(key);
  if (entry === undefined) return;
  held.delete(key);
  heldBytes -= entry.bytes;
  entry.columns.dispose();
  if (entry.rows !== key) entry.rows.dispose();
}

function build(weight: Weight): Entry {
  const rows =
    weight.kind === "dense"
      ? weight.values
      : tf.tensor2d(dequantizeNf4(weight.state), weight.state.shape as [number, number]);
  const columns = tf.transpose(rows);
  // The transposed copy counts always, the straight one only where it is not the model's own tensor.
  return { rows, columns, bytes: 4 * rows.size * (weight.kind === "dense" ? 1 : 2) };
}

/**
 * The matrix of a weight. What it returns belongs to the cache, or to the caller's `tf.tidy` when the weight is
 * larger than the whole budget: use it within the current tidy and do not dispose of it.
 */
export function matrix(weight: Weight): Matrix {
  const key = weight.kind === "dense" ? weight.values : weight.state;
  const entry = held.get(key);
  if (entry !== undefined) {
    held.delete(key);
    held.set(key, entry);
    return entry;
  }
  const fresh = build(weight);
  if (fresh.bytes > budgetBytes) return fresh;
  for (const oldest of held.keys()) {
    if (heldBytes + fresh.bytes <= budgetBytes) break;
    drop(oldest);
  }
  tf.keep(fresh.columns);
  if (weight.kind === "nf4") tf.keep(fresh.rows);
  held.set(key, fresh);
  heldBytes += fresh.bytes;
  return fresh;
}

/** Bytes of dequantised and transposed copies held now. */
export function weightCacheBytes(): number {
  return heldBytes;
}

/** Sets how many bytes of copies may be held (512 MiB at the start) and drops what is over. */
export function setWeightCacheBudget(bytes: number): void {
  budgetBytes = bytes;
  for (const oldest of held.keys()) {
    if (heldBytes <= budgetBytes) break;
    drop(oldest);
  }
}

/** Drops every copy, e.g. when a model is disposed of. */
export function clearWeightCache(): void {
  for (const key of [...held.keys()]) drop(key);
}
