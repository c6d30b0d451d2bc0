/** Decoding through the cache equals the pass over whole sequences, in f32 and halves, dense and NF4. */
import type { NativeDecoderLayer } from "../../lib/native/addon.js";
import { GEOMETRY, pack, randomLayer } from "../lib/native/reference/layers.js";
import { normal } from "../lib/native/reference/random.js";
import { allowed, close, closeInNorm, cuda, down, empty, onGpu, REALS, up } from "./device.js";
import { layerOnDevice, quantized } from "./layers.js";

const GEOMETRIES = {
  "dim 8": { ...GEOMETRY, hiddenSize: 48, intermediateSize: 64, numHeads: 6, numKvHeads: 2, headDim: 8 },
  "dim 8, 12 heads on one": {
    ...GEOMETRY,
    hiddenSize: 48,
    intermediateSize: 64,
    numHeads: 12,
    numKvHeads: 1,
    headDim: 8,
  },
  "dim 64": { ...GEOMETRY, hiddenSize: 256, intermediateSize: 384, numHeads: 4, numKvHeads: 2, headDim: 64 },
  "dim 128": { ...GEOMETRY, hiddenSize: 640, intermediateSize: 1024, numHeads: 5, numKvHeads: 1, headDim: 128 },
};
const RANKS = { q_proj: 16, v_proj: 8, gate_proj: 16, up_proj: 16, down_proj: 16 };
const LENGTHS = [190, 3, 41];

onGpu("CUDA cached decoding", () => {
  for (const [name, geometry] of Object.entries(GEOMETRIES))
    for (const kind of ["dense", "nf4"] as const)
      for (const dtype of REALS) {
        const width = geometry.hiddenSize;
        const inputs = LENGTHS.map((length, i) => normal(10 + i, length * width));
        let handles: NativeDecoderLayer[];
        const whole = () => {
          const batch = pack(LENGTHS);
          let x = up(Float32Array.from(inputs.flatMap((rows) => [...rows])), dtype);
          for (const handle of handles) {
            const y = empty(x.length, dtype);
            cuda.dispose(cuda.decoderLayerForward(handle, x, y, batch, { saving: "none", training: false, seed: 0 }));
            x = y;
          }
          return down(x);
        };
        const stepwise = (counts: readonly (readonly number[])[]) => {
          const cache = cuda.createKvCache(2, geometry.numKvHeads * geometry.headDim, LENGTHS.length, 200);
          const lengths = new Int32Array(LENGTHS.length);
          const outputs = LENGTHS.map(() => [] as number[]);
          for (const step of counts) {
            const batch = pack(step);
            const positions = Int32Array.from(
              step.flatMap((n, i) => Array.from({ length: n }, (_, j) => lengths[i]! + j)),
            );
            const rows = step.flatMap((n, i) => [
              ...inputs[i]!.subarray(lengths[i]! * width, (lengths[i]! + n) * width),
            ]);
            let x = up(Float32Array.from(rows), dtype);
            handles.forEach((handle, index) => {
              const y = empty(x.length, dtype);
              cuda.decoderLayerCached(handle, cache, index, x, y, { ...batch, positions }, lengths);
              x = y;
            });
            const result = down(x);
            step.forEach((n, i) => {
              lengths[i]! += n;
              outputs[i]!.push(...result.subarray(batch.cuSeqlens[i]! * width, batch.cuSeqlens[i + 1]! * width));
            });
          }
          cuda.dispose(cache);
          return Float32Array.from(outputs.flat());
        };
        it(`${name} ${kind} ${dtype}`, () => {
          const layers = [1, 2].map((seed) =>
            randomLayer({ geometry, seed, ranks: RANKS, biases: ["q_proj", "v_proj"] }),
          );
          handles = layers.map((layer) =>
            cuda.createDecoderLayer(layerOnDevice(kind === "nf4" ? quantized(layer) : layer, dtype)),
          );
          const expected = whole();
          const [check, tolerance] =
            dtype === "f32" ? ([close, 1e-5] as const) : ([closeInNorm, allowed(dtype, 1e-2)] as const);
          check(`cached ${name} ${kind} ${dtype}: whole prompts`, stepwise([LENGTHS]), expected, tolerance);
          const single = [[150, 1, 30], ...Array.from({ length: 40 }, (_, i) => [1, i < 2 ? 1 : 0, i < 11 ? 1 : 0])];
          check(`cached ${name} ${kind} ${dtype}: token by token`, stepwise(single), expected, tolerance);
          const mixed = [
            [40, 2, 1],
            [101, 1, 39],
            [49, 0, 1],
          ];
          check(
            `cached ${name} ${kind} ${dtype}: several rows onto a filled cache`,
            stepwise(mixed),
            expected,
            tolerance,
          );
        });
      }
});
