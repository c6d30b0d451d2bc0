/** Norm, SwiGLU, rotation and attention on their own, against the CPU ops and the float64 references. */
import assert from "node:assert/strict";
import { causalAttention, rope } from "../lib/native/reference/decoderLayer.js";
import { GEOMETRY, pack } from "../lib/native/reference/layers.js";
import { normal, uniform } from "../lib/native/reference/random.js";
import {
  allowed,
  close,
  closeInNorm,
  cpu,
  cuda,
  down,
  empty,
  HALVES,
  onGpu,
  REALS,
  type Real,
  rounded,
  up,
} from "./device.js";

onGpu("CUDA norms and SwiGLU", () => {
  for (const [rows, width] of [
    [5, 12],
    [300, 384],
    [17, 5120],
  ] as const)
    it(`RMSNorm [${rows}, ${width}]`, () => {
      const [x, dy] = [normal(1, rows * width), normal(2, rows * width)];
      const weight = uniform(3, width, 0.3, 1);
      const [y, rstd, dx] = [new Float32Array(x.length), new Float32Array(rows), new Float32Array(x.length)];
      cpu.rmsNormForward(x, weight, 1e-6, y, rstd);
      cpu.rmsNormBackward(x, weight, rstd, dy, dx);
      for (const dtype of REALS) {
        const [to, kept, gradient] = [empty(x.length, dtype), empty(rows), empty(x.length, dtype)];
        cuda.rmsNormForward(up(x, dtype), up(weight), 1e-6, to, kept);
        cuda.rmsNormBackward(up(x, dtype), up(weight), kept, up(dy, dtype), gradient);
        const compare = dtype === "f32" ? close : closeInNorm;
        const tolerance = (wide: number) => (dtype === "f32" ? wide : allowed(dtype, 5e-3));
        compare(`rmsNorm ${dtype} [${rows}, ${width}]`, down(to), y, tolerance(1e-6));
        compare(`rmsNorm ${dtype} [${rows}, ${width}] gradient`, down(gradient), dx, tolerance(2e-6));
      }
    });

  for (const width of [20, 13824])
    it(`SwiGLU, width ${width}`, () => {
      const rows = 23;
      const gateUp = normal(1, rows * 2 * width);
      const dAct = normal(2, rows * width);
      const at = (row: number, i: number) =>
        [gateUp[row * 2 * width + i]!, gateUp[(row * 2 + 1) * width + i]!] as const;
      const act = dAct.map((_, i) => {
        const [gate, value] = at(Math.floor(i / width), i % width);
        return (gate / (1 + Math.exp(-gate))) * value;
      });
      const gradient = gateUp.map((_, i) => {
        const row = Math.floor(i / (2 * width));
        const column = i % width;
        const [gate, value] = at(row, column);
        const s = 1 / (1 + Math.exp(-gate));
        const d = dAct[row * width + column]!;
        return i % (2 * width) < width ? d * value * s * (1 + gate * (1 - s)) : d * gate * s;
      });
      for (const dtype of REALS) {
        const tolerance = dtype === "f32" ? 1e-6 : allowed(dtype, 6e-3);
        const [input, to] = [up(gateUp, dtype), empty(rows * width, dtype)];
        cuda.swigluForward(input, to, width);
        closeInNorm(`swiglu ${dtype} ${width}`, down(to), act, tolerance);
        cuda.swigluBackward(input, up(dAct, dtype), width);
        closeInNorm(`swiglu ${dtype} ${width} gradient`, down(input), gradient, tolerance);
      }
    });
});

/** q, k and v of every row side by side, and apart. */
function split(qkv: ArrayLike<number>, rows: number, q: number, kv: number): Float64Array[] {
  const width = q + 2 * kv;
  const part = (first: number, count: number) =>
    Float64Array.from({ length: rows * count }, (_, i) => qkv[Math.floor(i / count) * width + first + (i % count)]!);
  return [part(0, q), part(q, kv), part(q + kv, kv)];
}

const SHAPES = [
  { numHeads: 4, numKvHeads: 2, headDim: 6 },
  { numHeads: 6, numKvHeads: 3, headDim: 48 },
  { numHeads: 14, numKvHeads: 2, headDim: 64 },
  { numHeads: 10, numKvHeads: 2, headDim: 128 },
];
const LENGTHS = [70, 1, 0, 133, 64, 5];

onGpu("CUDA rotation and attention", () => {
  for (const shape of SHAPES) {
    const name = `${shape.numHeads}/${shape.numKvHeads} x ${shape.headDim}`;
    const batch = pack(LENGTHS);
    const { rows } = batch;
    const [q, kv] = [shape.numHeads * shape.headDim, shape.numKvHeads * shape.headDim];
    const qkv = normal(1, rows * (q + 2 * kv));

    it(`rotates ${name}`, () => {
      const buffer = up(qkv);
      cuda.ropeForward(buffer, shape, batch, 1e6, null);
      const [actualQ, actualK, actualV] = split(down(buffer), rows, q, kv) as [
        Float64Array,
        Float64Array,
        Float64Array,
      ];
      const [expectedQ, expectedK, v] = split(qkv, rows, q, kv) as [Float64Array, Float64Array, Float64Array];
      rope(expectedQ, q, shape.headDim, batch.positions, 1e6);
      rope(expectedK, kv, shape.headDim, batch.positions, 1e6);
      close(`rope q ${name}`, actualQ, expectedQ, 2e-5);
      close(`rope k ${name}`, actualK, expectedK, 2e-5);
      assert.deepEqual(actualV, v);
      cuda.ropeBackward(buffer, shape, batch, 1e6);
      close(`rope and back ${name}`, down(buffer), qkv, 2e-6);
    });

    it(`attends ${name} in float32 arithmetic`, () => {
      const [out, lse] = [empty(rows * q), empty(rows * shape.numHeads)];
      cuda.attentionForward(up(qkv), shape, batch, out, lse);
      const [x, k, v] = split(qkv, rows, q, kv) as [Float64Array, Float64Array, Float64Array];
      close(
        `attention f32 ${name}`,
        down(out),
        causalAttention(x, k, v, { ...GEOMETRY, ...shape }, batch.cuSeqlens),
        2e-6,
      );
    });

    for (const half of HALVES)
      it(`attends ${name} in ${half} as in float32, forward and backward, the same every time`, () => {
        const dOut = normal(2, rows * q);
        const run = (dtype: Real) => {
          // The same rounded values for both.
          const [x, g] = [up(rounded(qkv, half), dtype), up(rounded(dOut, half), dtype)];
          const [out, lse, dqkv] = [empty(rows * q, dtype), empty(rows * shape.numHeads), empty(qkv.length, dtype)];
          cuda.attentionForward(x, shape, batch, out, lse);
          cuda.attentionBackward(x, shape, batch, out, lse, g, dqkv);
          return { out: down(out), lse: down(lse), parts: split(down(dqkv), rows, q, kv) };
        };
        const [wide, narrow, again] = [run("f32"), run(half), run(half)];
        assert.deepEqual(narrow, again);
        closeInNorm(`attention ${half} ${name}`, narrow.out, wide.out, allowed(half, 5e-3));
        close(`attention ${half} ${name} log sum exp`, narrow.lse, wide.lse, 1e-3);
        for (const [i, part] of ["dq", "dk", "dv"].entries())
          closeInNorm(`attention ${half} ${name} ${part}`, narrow.parts[i]!, wide.parts[i]!, allowed(half, 1e-2));
      });
  }
});
