/**
 * Rotary position embedding (Su et al. 2021) in the half-rotation layout of Llama and Qwen2 checkpoints:
 * y = x cos + rotate(x) sin with rotate([a, b]) = [-b, a].
 *
 * The rotation is a product with a signed permutation: on wasm one small matmul is quicker than two strided slices,
 * a negation and a concat.
 */
import * as tf from "@tensorflow/tfjs";

/** cos and sin, [tokens, headDim] each, as host arrays. */
interface Angles {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/** One table serves all layers of a step; it goes with the positions it belongs to. */
const tables = new WeakMap<Int32Array, Map<string, Angles>>();

function angles(positions: Int32Array, headDim: number, theta: number): Angles {
  const known = tables.get(positions) ?? new Map<string, Angles>();
  tables.set(positions, known);
  const key = `${headDim} ${theta}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const half = headDim / 2;
  const frequency = Float64Array.from({ length: half }, (_, j) => theta ** (-j / half));
  const cos = new Float32Array(positions.length * headDim);
  const sin = new Float32Array(positions.length * headDim);
  for (let t = 0; t < positions.length; t++) {
    for (let j = 0; j < half; j++) {
      const angle = positions[t]! * frequency[j]!;
      const at = t * headDim + j;
      cos[at] = cos[at + half] = Math.cos(angle);
      sin[at] = sin[at + half] = Math.sin(angle);
    }
  }
  const made = { cos, sin };
  known.set(key, made);
  return made;
}

/** [headDim, headDim] with x · matrix = rotate(x); its transpose is the inverse rotation. */
function rotation(headDim: number, inverse: boolean): tf.Tensor2D {
  const half = headDim / 2;
  const values = new Float32Array(headDim * headDim);
  for (let j = 0; j < half; j++) {
    values[(j + half) * headDim + j] = inverse ? 1 : -1;
    values[j * headDim + j + half] = inverse ? -1 : 1;
  }
  return tf.tensor2d(values, [headDim, headDim]);
}

/**
 * Turns the heads of x by their positions, or back again.
 *
 * @param x [tokens, heads * headDim]
 * @param inverse turn back: the gradient of the turn
 */
export function rotate(
  x: tf.Tensor2D,
  positions: Int32Array,
  headDim: number,
  theta: number,
  inverse = false,
): tf.Tensor2D {
  const [tokens, width] = x.shape;
  const heads = width / headDim;
  const { cos, sin } = angles(positions, headDim, theta);
  const by = (table: Float32Array) => tf.tensor3d(table, [tokens, 1, headDim]);
  const turned = tf.matMul(tf.reshape(x, [tokens * heads, headDim]), rotation(headDim, inverse));
  // The sine is equal in both halves, so it may be multiplied before or after the turn.
  const split: [number, number, number] = [tokens, heads, headDim];
  const sum = tf.add(tf.mul(tf.reshape(x, split), by(cos)), tf.mul(tf.reshape(turned, split), by(sin)));
  return tf.reshape(sum, [tokens, width]);
}
