/** Block-wise 8-bit quantisation: one float32 scale (the largest magnitude) a block, one code a value. */
import { fail } from "../errors.js";
import type { Variant } from "./variant.js";

export interface Blockwise8 {
  /** One code a value, an index into the map. */
  readonly quantized: Uint8Array;
  /** Largest magnitude of each block, float32. */
  readonly absmax: Float32Array;
}

/**
 * Quantises `values` in blocks: value / absmax(block) becomes the index of a near entry of `code`.
 * Bit for bit bitsandbytes.functional.quantize_blockwise; a block of zeros gets code 0 from both variants' rules
 * for NaN and for zero scales.
 * @param code 256 ascending float32 values, e.g. SIGNED_DYNAMIC_MAP
 * @param variant which of bitsandbytes' implementations to follow, "cpu" by default
 */
export function quantizeBlockwise(
  values: Float32Array,
  code: Float32Array,
  blockSize: number,
  variant: Variant = "cpu",
): Blockwise8 {
  checkBlockSize(blockSize);
  if (code.length !== 256) fail(`An 8-bit code needs 256 values, got ${code.length}.`);
  const quantized = new Uint8Array(values.length);
  const absmax = new Float32Array(Math.ceil(values.length / blockSize));
  const table = variant === "cpu" ? stepTable(code) : undefined;
  for (let block = 0; block < absmax.length; block++) {
    const start = block * blockSize;
    const end = Math.min(start + blockSize, values.length);
    const scale = largestMagnitude(values, start, end);
    absmax[block] = scale;
    if (scale === 0) continue;
    const reciprocal = Math.fround(1 / scale);
    for (let i = start; i < end; i++) {
      const normed = Math.fround(values[i]! * reciprocal);
      quantized[i] = table ? table[stepOf(normed)]! : searchCode(code, normed);
    }
  }
  return { quantized, absmax };
}

/** `code[q] * absmax(block)` for every code, float32. */
export function dequantizeBlockwise(
  quantized: Uint8Array,
  absmax: Float32Array,
  code: Float32Array,
  blockSize: number,
): Float32Array {
  checkBlockSize(blockSize);
  const blocks = Math.ceil(quantized.length / blockSize);
  if (absmax.length !== blocks) {
    fail(`${quantized.length} codes in blocks of ${blockSize} need ${blocks} scales, got ${absmax.length}.`);
  }
  const values = new Float32Array(quantized.length);
  for (let i = 0; i < values.length; i++) values[i] = code[quantized[i]!]! * absmax[Math.floor(i / blockSize)]!;
  return values;
}

/** Largest |value| of `values[start..end)`; 0 for an empty range. */
export function largestMagnitude(values: Float32Array, start: number, end: number): number {
  let largest = 0;
  for (let i = start; i < end; i++) {
    const magnitude = Math.abs(values[i]!);
    if (magnitude > largest) largest = magnitude;
  }
  return largest;
}

function checkBlockSize(blockSize: number): void {
  if (!Number.isInteger(blockSize) || blockSize < 1) {
    fail(`The block size must be a positive whole number, got ${blockSize}.`);
  }
}

const STEPS = 65536;
const stepTables = new WeakMap<Float32Array, Uint8Array>();

/** The code of each of 65,536 equal steps from -1 to 1 (csrc/cpu_ops.cpp, build_quantize_lut). */
function stepTable(code: Float32Array): Uint8Array {
  const known = stepTables.get(code);
  if (known) return known;
  const table = new Uint8Array(STEPS);
  let index = 0;
  for (let step = 0; step < STEPS; step++) {
    const value = Math.fround(-1 + Math.fround((2 * step) / (STEPS - 1)));
    while (index < 255 && Math.fround(0.5 * Math.fround(code[index]! + code[index + 1]!)) < value) index++;
    table[step] = index;
  }
  stepTables.set(code, table);
  return table;
}

function stepOf(normed: number): number {
  const clamped = Math.min(1, Math.max(-1, normed));
  // One rounding, as the fused multiply-add of the compiled reference: the product is exact in float64.
  return Math.trunc(Math.fround(Math.fround(clamped + 1) * 0.5 * (STEPS - 1) + 0.5));
}

/** csrc/kernels.cu, dQuantize: the ends of the search fall back to the map's own ends, ties keep the pivot. */
function searchCode(code: Float32Array, x: number): number {
  let pivot = 127;
  let lowerPivot = 0;
  let upperPivot = 255;
  let value = code[pivot]!;
  for (let step = 64; step > 0; step >>= 1) {
    if (x > value) {
      lowerPivot = pivot;
      pivot += step;
    } else {
      upperPivot = pivot;
      pivot -= step;
    }
    value = code[pivot]!;
  }
  if (x > value) {
    return x > Math.fround(Math.fround(code[upperPivot]! + value) * 0.5) ? upperPivot : pivot;
  }
  return x < Math.fround(Math.fround(code[lowerPivot]! + value) * 0.5) ? lowerPivot : pivot;
}
