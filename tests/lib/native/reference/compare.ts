/** Comparison of float32 results with a float64 reference. */
import assert from "node:assert/strict";

/** Largest |actual - expected| over the largest |expected|. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(actual.length, expected.length);
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!);
    if (!(error <= difference)) difference = error;
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return difference / (largest || 1);
}

export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what = "values",
): void {
  const error = relativeError(actual, expected);
  assert.ok(error <= tolerance, `${what} differ by ${error.toExponential(2)} of the largest, allowed ${tolerance}`);
}
