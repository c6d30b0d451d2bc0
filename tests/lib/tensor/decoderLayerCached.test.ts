import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import type { DecoderLayer, KvCache, PackedSequences } from "../../../lib/tensor/layers.js";
import { advance, createKvCache, decoderLayer, decoderLayerCached } from "../../../lib/tensor/ops.js";
import { clearWeightCache } from "../../../lib/tensor/portable/weights.js";
import { BACKENDS, use } from "./backends.js";
import { assertNear } from "./compare.js";
import { disposeLayer, GEOMETRY, packed, randomLayer, values } from "./tinyLayer.js";

const LENGTHS = [9, 4, 7];

/** Rows [from, to) of every sequence as a batch with absolute positions. */
function step(ranges: [number, number][]): PackedSequences {
  const cuSeqlens = new Int32Array(ranges.length + 1);
  ranges.forEach(([from, to], i) => {
    cuSeqlens[i + 1] = cuSeqlens[i]! + to - from;
  });
  return {
    cuSeqlens,
    positions: Int32Array.from(ranges.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i))),
  };
}

for (const backend of BACKENDS) {
  describe(`decoderLayerCached on ${backend}`, () => {
    let layers: DecoderLayer[];
    before(() => use(backend));
    beforeEach(() => {
      layers = [1, 2].map((seed) => randomLayer({ seed, kind: "nf4" }));
    });
    afterEach(() => {
      layers.forEach(disposeLayer);
      clearWeightCache();
    });

    const batch = packed(LENGTHS);
    const input = () =>
      tf.tensor2d(values(batch.positions.length * GEOMETRY.hiddenSize, 3), [batch.positions.length, 32]);

    /** Outputs of all rows when each sequence is fed in the given pieces. */
    function feed(x: tf.Tensor2D, cache: KvCache, pieces: [number, number][][]): tf.Tensor2D {
      const rows: tf.Tensor2D[][] = LENGTHS.map(() => []);
      for (const ranges of pieces) {
        const part = step(ranges);
        const some = ranges.map(([from, to], s) => tf.slice(x, [batch.cuSeqlens[s]! + from, 0], [to - from, -1]));
        let hidden = tf.concat(some.filter((rowsOf) => rowsOf.shape[0] > 0));
        layers.forEach((layer, i) => {
          hidden = decoderLayerCached(hidden, layer, i, part, cache);
        });
        advance(
          cache,
          ranges.map(([, to]) => to),
        );
        ranges.forEach(([from, to], s) => {
          rows[s]!.push(tf.slice(hidden, [part.cuSeqlens[s]!, 0], [to - from, -1]));
        });
      }
      return tf.concat(rows.flat().filter((part) => part.shape[0] > 0));
    }

    const plans: [string, [number, number][][]][] = [
      ["whole prompts at once", [LENGTHS.map((length) => [0, length])]],
      [
        "a prompt, then token by token, sequences ending at different times",
        [
          [
            [0, 3],
            [0, 2],
            [0, 5],
          ],
          ...[0, 1, 2, 3, 4, 5].map((i): [number, number][] =>
            [3, 2, 5].map((start, s): [number, number] => [
              Math.min(start + i, LENGTHS[s]!),
              Math.min(start + i + 1, LENGTHS[s]!),
            ]),
          ),
        ],
      ],
      [
        "several rows onto a filled cache",
        [
          [
            [0, 4],
            [0, 1],
            [0, 3],
          ],
          [
            [4, 9],
            [1, 4],
            [3, 7],
          ],
        ],
      ],
    ];
    for (const [name, pieces] of plans) {
      it(`equals the full forward pass: ${name}`, () => {
        const cache = createKvCache(layers.length, GEOMETRY, LENGTHS.length, 16);
        tf.tidy(() => {
          const x = input();
          let full = x;
          for (const layer of layers) full = decoderLayer(full, layer, batch, { saving: "none", training: false });
          assertNear(feed(x, cache, pieces), full, 1e-5, name);
        });
        assert.deepEqual([...cache.lengths], LENGTHS);
        cache.dispose();
      });
    }

    it("leaks no tensors and gives all back on dispose", () => {
      const all: [number, number][] = LENGTHS.map((length) => [0, length]);
      const pass = () => {
        const cache = createKvCache(layers.length, GEOMETRY, LENGTHS.length, 16);
        tf.tidy(() => void feed(input(), cache, [all]));
        cache.dispose();
      };
      pass();
      const before = tf.memory().numTensors;
      pass();
      assert.equal(tf.memory().numTensors, before);
    });

    it("refuses more tokens than fit, positions that leave a gap, another number of sequences", () => {
      const cache = createKvCache(1, GEOMETRY, 1, 4);
      const one = (from: number, to: number) => () =>
        tf.tidy(() => decoderLayerCached(tf.zeros([to - from, 32]), layers[0]!, 0, step([[from, to]]), cache));
      assert.throws(one(0, 5), /would hold 5 tokens.*capacity is 4.*larger capacity/);
      assert.throws(one(2, 3), /goes on at position 2, but the cache holds 0/);
      const two = step([
        [0, 1],
        [0, 1],
      ]);
      const pair = () => tf.tidy(() => decoderLayerCached(tf.zeros([2, 32]), layers[0]!, 0, two, cache));
      assert.throws(pair, /2 sequences.*made for 1/);
      cache.dispose();
    });
  });
}
