/**
 * Milliseconds of tfjs kernels on cpu-native, and how many times as long wasm takes for the same.
 *
 *     npx tsx tests/bench/tensorKernels.ts
 */
import * as tf from "@tensorflow/tfjs";
import { initBackend } from "../../lib/tensor/backend.js";

const square = (x: tf.Tensor2D) => tf.matMul(x, x);
const CASES: Readonly<Record<string, [shape: [number, number], compute: (x: tf.Tensor2D) => tf.Tensor]>> = {
  "matmul 1024": [[1024, 1024], square],
  "matmul 128": [[128, 128], square],
  "add 2048 x 1024": [[2048, 1024], (x) => tf.add(x, x)],
  "add a row": [[2048, 1024], (x) => tf.add(x, tf.ones([1024]))],
  "exp 2048 x 1024": [[2048, 1024], (x) => tf.exp(x)],
  "softmax 2048 x 1024": [[2048, 1024], (x) => tf.softmax(x)],
  "sum of rows": [[2048, 1024], (x) => tf.sum(x, -1)],
  "sum of columns": [[2048, 1024], (x) => tf.sum(x, 0)],
  "transpose 2048 x 1024": [[2048, 1024], (x) => tf.transpose(x)],
  "concat 2048 x 1024": [[2048, 1024], (x) => tf.concat([x, x], 1)],
  "add 4 x 4": [[4, 4], (x) => tf.add(x, x)],
};

/** Milliseconds of the fastest of several runs, reading the result included. */
function fastest(compute: () => tf.Tensor): number {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 8; run++) {
    const start = performance.now();
    // Not returned from the tidy: tfjs would search the array for tensors, element by element.
    tf.tidy(() => void compute().dataSync());
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

async function measure(backend: "cpu-native" | "wasm"): Promise<number[]> {
  await initBackend(backend);
  return Object.values(CASES).map(([shape, compute]) => {
    const x = tf.randomUniform(shape, -1, 1) as tf.Tensor2D;
    const milliseconds = fastest(() => compute(x));
    x.dispose();
    return milliseconds;
  });
}

const native = await measure("cpu-native");
const wasm = await measure("wasm");
Object.keys(CASES).forEach((name, i) => {
  const ratio = wasm[i]! / native[i]!;
  console.log(`${name.padEnd(24)} ${native[i]!.toFixed(3).padStart(9)} ms   wasm x ${ratio.toFixed(1)}`);
});
