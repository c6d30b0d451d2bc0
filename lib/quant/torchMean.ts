/**
 * The mean of float32 values in the order in which torch adds them up on one AVX2 thread: the offset of the double
 * quantisation is such a mean, and another order would change its last bit.
 *
 * The order: 8 lanes, 4 accumulators each, in 4 levels of partial sums (ATen/native/cpu/SumKernel.cpp, cascade_sum).
 */

const LANES = 8;
const ACCUMULATORS = 4;
const LEVELS = 4;

/** Float32 mean of `values`, bit for bit `torch.tensor(values).mean()`; NaN when there are none. */
export function torchMean(values: Float32Array): number {
  return Math.fround(cascadeSum(values) / values.length);
}

function cascadeSum(values: Float32Array): number {
  const vectors = Math.floor(values.length / LANES);
  const lanes = sumVectors(values, vectors);
  let total = 0;
  for (let i = vectors * LANES; i < values.length; i++) total = Math.fround(total + values[i]!);
  for (const lane of lanes) total = Math.fround(total + lane);
  return total;
}

/** Sums each of the 8 lanes over the first `vectors` vectors. */
function sumVectors(values: Float32Array, vectors: number): Float32Array {
  const width = LANES * ACCUMULATORS;
  const rows = Math.floor(vectors / ACCUMULATORS);
  const power = Math.max(4, Math.floor(ceilLog2(rows) / LEVELS));
  const step = 1 << power;
  const levels = Array.from({ length: LEVELS }, () => new Float32Array(width));
  const first = levels[0]!;
  const addRow = (row: number): void => {
    for (let k = 0; k < width; k++) first[k] = first[k]! + values[row * width + k]!;
  };

  let row = 0;
  while (row + step <= rows) {
    for (let j = 0; j < step; j++) addRow(row++);
    for (let level = 1; level < LEVELS; level++) {
      moveUp(levels[level - 1]!, levels[level]!);
      if ((row & ((step - 1) << (level * power))) !== 0) break;
    }
  }
  while (row < rows) addRow(row++);
  for (let level = 1; level < LEVELS; level++) {
    for (let k = 0; k < width; k++) first[k] = first[k]! + levels[level]![k]!;
  }

  const lanes = first.slice(0, LANES);
  for (let vector = rows * ACCUMULATORS; vector < vectors; vector++) {
    for (let k = 0; k < LANES; k++) lanes[k] = lanes[k]! + values[vector * LANES + k]!;
  }
  for (let accumulator = 1; accumulator < ACCUMULATORS; accumulator++) {
    for (let k = 0; k < LANES; k++) lanes[k] = lanes[k]! + first[accumulator * LANES + k]!;
  }
  return lanes;
}

function moveUp(from: Float32Array, to: Float32Array): void {
  for (let k = 0; k < to.length; k++) to[k] = to[k]! + from[k]!;
  from.fill(0);
}

function ceilLog2(n: number): number {
  return n <= 2 ? 1 : 32 - Math.clz32(n - 1);
}
