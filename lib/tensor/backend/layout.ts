/** Strided copies between dense arrays: what all kernels that only move elements come down to. */
import { type Call, collapse, denseStrides, MAX_RANK, sizeOf } from "./kernel.js";
import type { Values } from "./table.js";

/** Where a grid lies in an array. */
interface Placement {
  readonly strides: readonly number[];
  readonly offset: number;
}

/** Copies the grid `shape`; false when it has more axes than the table takes. */
export function copy(
  { table }: Call,
  shape: readonly number[],
  from: Values,
  source: Placement,
  to: Values,
  target: Placement,
): boolean {
  if (sizeOf(shape) === 0) return true;
  const grid = collapse(shape, [source.strides, target.strides]);
  if (grid.shape.length > MAX_RANK) return false;
  table.copy(from, grid.strides[0]!, source.offset, grid.shape, to, grid.strides[1]!, target.offset);
  return true;
}

/** The whole of a dense array. */
export const dense = (shape: readonly number[]): Placement => ({ strides: denseStrides(shape), offset: 0 });

/** The region of a dense array that begins at `begin`. */
export function region(shape: readonly number[], begin: readonly number[]): Placement {
  const strides = denseStrides(shape);
  return { strides, offset: begin.reduce((sum, start, axis) => sum + start * strides[axis]!, 0) };
}

/** New elements with the axes of `values` in the order `perm`; null when there are too many. */
export function transposed(
  call: Call,
  values: Values,
  shape: readonly number[],
  perm: readonly number[],
): Values | null {
  const outShape = perm.map((axis) => shape[axis]!);
  const strides = denseStrides(shape);
  const out = call.like(values, values.length);
  const source = { strides: perm.map((axis) => strides[axis]!), offset: 0 };
  return copy(call, outShape, values, source, out, dense(outShape)) ? out : null;
}
