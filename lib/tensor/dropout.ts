/**
 * Dropout masks from a counter: element i of stream s depends on (seed, s, i) only, so a backward pass that
 * recomputes, and every backend (lib/native/cpu/dropout.h), sees the same mask.
 */

/** Chris Wellons' lowbias32, a bijective mixer of 32 bits. */
function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/**
 * Factors by which `size` elements are multiplied: 0 with the given probability, else 1 / (1 - probability).
 *
 * @param seed any 32-bit integer
 * @param stream which of several masks under one seed, e.g. the index of a projection
 */
export function dropoutMask(seed: number, stream: number, size: number, probability: number): Float32Array {
  const key = mix((seed + Math.imul(stream, 0x9e3779b9)) | 0);
  const threshold = Math.fround(probability) * 2 ** 24;
  const kept = 1 / (1 - probability);
  const mask = new Float32Array(size);
  for (let i = 0; i < size; i++) mask[i] = mix(i ^ key) >>> 8 < threshold ? 0 : kept;
  return mask;
}

/** The seed of one layer's masks in a pass: its own in every layer, so that no two share a mask. */
export function layerSeed(passSeed: number, layers: number, index: number): number {
  return (passSeed * layers + index) >>> 0;
}
