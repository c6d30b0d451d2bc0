/**
 * Times ops of the tensor table on the GPU over [4096, 4096] float32, 64 MiB, and says at what rate they read and write.
 *   node tensorSpeed.js
 */
import { type DeviceBuffer, loadAddon } from "../../lib/native/addon.js";

const loaded = loadAddon();
const { cuda, cudaTensor: tensor } = loaded.addon ?? {};
if (!cuda || !tensor) throw new Error(loaded.addon ? "The addon was built without CUDA." : loaded.reason);

const [ROWS, COLUMNS] = [4096, 4096];
const SIZE = ROWS * COLUMNS;
const REPEATS = 20;

const stretch = Float32Array.from({ length: COLUMNS }, () => Math.random() + 0.1);
const noise = new Float32Array(SIZE);
for (let at = 0; at < SIZE; at += COLUMNS) noise.set(stretch, at);
const [x, y, out] = [cuda.upload(noise), cuda.upload(noise), cuda.createBuffer("f32", SIZE)];
const row = cuda.upload(stretch);
const [one, column] = [cuda.createBuffer("f32", 1), cuda.createBuffer("f32", ROWS)];
const [integers, bools] = [cuda.createBuffer("i32", ROWS), cuda.createBuffer("u8", SIZE)];
const ids = cuda.upload(Int32Array.from({ length: ROWS }, (_, i) => (i * 2741) % ROWS));

const flat = Float64Array.of(1);
const all = Float64Array.of(SIZE);
const matrix = Float64Array.of(ROWS, COLUMNS);
const dense = Float64Array.of(COLUMNS, 1);
const some = (buffer: DeviceBuffer) => [buffer, ROWS, COLUMNS, 1] as const;

/** What runs, and the bytes that it has to read and write. */
const CASES: readonly (readonly [string, () => void, number])[] = [
  ["add", () => tensor.Add(x, flat, y, flat, all, out), 12 * SIZE],
  ["add a row", () => tensor.Add(x, dense, row, Float64Array.of(0, 1), matrix, out), 8 * SIZE],
  ["power", () => tensor.Pow(x, flat, y, flat, all, out), 12 * SIZE],
  ["greater", () => tensor.Greater(x, flat, y, flat, all, bools), 9 * SIZE],
  ["select", () => tensor.Select(bools, x, y, out), 13 * SIZE],
  ["exp", () => tensor.Exp(x, out), 8 * SIZE],
  ["erf", () => tensor.Erf(x, out), 8 * SIZE],
  ["sum of all", () => tensor.Sum(x, 1, SIZE, 1, one), 4 * SIZE],
  ["sum of rows", () => tensor.Sum(...some(x), column), 4 * SIZE],
  ["sum of columns", () => tensor.Sum(x, 1, ROWS, COLUMNS, column), 4 * SIZE],
  ["place of the largest in rows", () => tensor.ArgMax(...some(x), integers), 4 * SIZE],
  ["running sum of rows", () => tensor.Cumsum(...some(x), false, false, out), 8 * SIZE],
  ["softmax", () => tensor.Softmax(x, ROWS, COLUMNS, out), 8 * SIZE],
  ["transpose", () => tensor.copy(x, Float64Array.of(1, ROWS), 0, matrix, out, dense, 0), 8 * SIZE],
  ["half of the columns", () => tensor.copy(x, dense, 0, Float64Array.of(ROWS, COLUMNS / 2), out, dense, 0), 4 * SIZE],
  ["gather of rows", () => tensor.gather(x, 1, 1, ROWS, COLUMNS, ids, out), 8 * SIZE],
  ["sum by segments", () => tensor.segmentSum(x, ids, COLUMNS, out), 8 * SIZE],
];

/** Milliseconds of one run among many that are queued, and of JavaScript's part in it. */
function time(run: () => void): { milliseconds: number; issue: number } {
  run();
  cuda!.synchronize();
  const started = performance.now();
  for (let i = 0; i < REPEATS; i++) run();
  const issue = (performance.now() - started) / REPEATS;
  cuda!.synchronize();
  return { milliseconds: (performance.now() - started) / REPEATS, issue };
}
function show(what: string, run: () => void, rate: (milliseconds: number) => string): void {
  const { milliseconds, issue } = time(run);
  const busy = `JavaScript busy ${(1000 * issue).toFixed(0)} us`;
  console.log(
    `${what.padEnd(32)} ${milliseconds.toFixed(3).padStart(8)} ms  ${rate(milliseconds).padStart(14)}, ${busy}`,
  );
}

for (const [what, run, bytes] of CASES) show(what, run, (ms) => `${(bytes / ms / 1e6).toFixed(0)} GB/s`);

const [batch, m, n, k] = [320, 512, 512, 64];
const [a, b] = [cuda.upload(noise.subarray(0, batch * m * k)), cuda.upload(noise.subarray(0, batch * k * n))];
const product = cuda.createBuffer("f32", batch * m * n);
const multiply = () => tensor.batchMatMul(a, b, product, batch, m, n, k, false, true, false, false);
show(
  `${batch} products of ${m} x ${n} x ${k}`,
  multiply,
  (ms) => `${((2 * batch * m * n * k) / ms / 1e9).toFixed(1)} TFLOP/s`,
);
