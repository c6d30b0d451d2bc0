/** Keys and values of past tokens as tfjs tensors, and a decoder layer that attends to them (inference only). */
import * as tf from "@tensorflow/tfjs";
import type { DecoderLayer, KvCache, LayerGeometry, PackedSequences, Projection } from "../layers.js";
import { attendSequence, headRows, splitHeads } from "./attention.js";
import { linearForward } from "./linear.js";
import { swigluForward } from "./mlp.js";
import { rmsNormForward } from "./norm.js";
import { rotate } from "./rope.js";

/** Of one layer and sequence: a [tokens, headDim] tensor for each key head. */
interface Held {
  keys: tf.Tensor2D[];
  values: tf.Tensor2D[];
}

export class PortableKvCache implements KvCache {
  readonly lengths: Int32Array;
  readonly #held: Held[][];

  constructor(
    layers: number,
    readonly geometry: LayerGeometry,
    sequences: number,
    readonly capacity: number,
  ) {
    this.lengths = new Int32Array(sequences);
    const empty = (): Held => ({ keys: [], values: [] });
    this.#held = Array.from({ length: layers }, () => Array.from({ length: sequences }, empty));
  }

  /** Bytes of keys and values held now. */
  get bytes(): number {
    const all = this.#held.flat().flatMap(({ keys, values }) => [...keys, ...values]);
    return all.reduce((sum, tensor) => sum + 4 * tensor.size, 0);
  }

  /** Appends [kvHeads, rows, headDim] to what one layer holds of one sequence; returns all of it. */
  append(layer: number, sequence: number, k: tf.Tensor3D, v: tf.Tensor3D): Readonly<Held> {
    const held = this.#held[layer]![sequence]!;
    const grow = (old: tf.Tensor2D[], fresh: tf.Tensor3D) =>
      Array.from({ length: fresh.shape[0] }, (_, h) => {
        const rows = headRows(fresh, h);
        const joined = tf.keep(old[h] === undefined ? rows : tf.concat([old[h], rows]));
        old[h]?.dispose();
        return joined;
      });
    held.keys = grow(held.keys, k);
    held.values = grow(held.values, v);
    return held;
  }

  dispose(): void {
    for (const held of this.#held.flat()) {
      tf.dispose([held.keys, held.values]);
      held.keys = [];
      held.values = [];
    }
    this.lengths.fill(0);
  }
}

/** See `decoderLayerCached` in ops.ts. */
export function decoderLayerCached(
  x: tf.Tensor2D,
  layer: DecoderLayer,
  layerIndex: number,
  batch: PackedSequences,
  cache: PortableKvCache,
): tf.Tensor2D {
  const { geometry, projections } = layer;
  const { headDim, ropeTheta, rmsNormEps } = geometry;
  const project = (input: tf.Tensor2D, name: Projection) => linearForward(input, projections[name], null);
  return tf.tidy(() => {
    const normed = rmsNormForward(x, layer.inputNorm, rmsNormEps);
    const q = rotate(project(normed, "q_proj"), batch.positions, headDim, ropeTheta);
    const k = rotate(project(normed, "k_proj"), batch.positions, headDim, ropeTheta);
    const v = project(normed, "v_proj");
    const attended: tf.Tensor2D[] = [];
    for (let s = 0; s + 1 < batch.cuSeqlens.length; s++) {
      const [from, to] = [batch.cuSeqlens[s]!, batch.cuSeqlens[s + 1]!];
      if (from === to) continue;
      const heads = (rows: tf.Tensor2D) => splitHeads(rows, from, to, headDim);
      const { keys, values } = cache.append(layerIndex, s, heads(k), heads(v));
      attended.push(attendSequence(heads(q), keys, values));
    }
    const middle = tf.add(x, project(tf.concat(attended), "o_proj")) as tf.Tensor2D;
    const normedMiddle = rmsNormForward(middle, layer.postAttentionNorm, rmsNormEps);
    const activated = swigluForward(project(normedMiddle, "gate_proj"), project(normedMiddle, "up_proj"));
    return tf.add(middle, project(activated, "down_proj"));
  });
}
