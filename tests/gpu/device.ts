/** The GPU under test, short ways to move numbers there and back, and a table of how far results lie apart. */
import assert from "node:assert/strict";
import { type Addon, type CudaTable, type DeviceBuffer, type DeviceType, loadAddon } from "../../lib/native/addon.js";
import type { TensorTable } from "../../lib/tensor/backend/table.js";
import { relativeError } from "../lib/native/reference/compare.js";

type Found =
  | { readonly addon: Addon; readonly cuda: CudaTable; readonly cudaTensor: TensorTable }
  | { readonly addon?: undefined; readonly reason: string };

function find(): Found {
  const loaded = loadAddon();
  if (!loaded.addon) return { reason: loaded.reason };
  const { cuda, cudaTensor } = loaded.addon;
  if (!cuda || !cudaTensor)
    return { reason: `The addon ${loaded.file} was built without CUDA. Build it with "npm run build:cuda".` };
  const probe = cuda.probe();
  return probe.available ? { addon: loaded.addon, cuda, cudaTensor } : { reason: probe.reason };
}

const found = find();

/** Only used inside of `onGpu`, where they are there. */
export const { cuda, cpu } = (found.addon ? { cuda: found.cuda, cpu: found.addon.cpu } : {}) as {
  cuda: CudaTable;
  cpu: Addon["cpu"];
};
/** The kernels of tfjs, likewise. */
export const tensors = (found.addon ? { device: found.cudaTensor, host: found.addon.tensor } : {}) as {
  device: TensorTable;
  host: TensorTable;
};

/** A suite that needs a GPU; skipped with the reason where there is none. */
export function onGpu(title: string, body: () => void): void {
  if (found.addon) describe(title, body);
  else it.skip(`${title}: ${found.reason}`);
}

/** What layers compute in. */
export const REALS = ["f32", "bf16", "f16"] as const;
export const HALVES = ["bf16", "f16"] as const;
export type Real = (typeof REALS)[number];
export type Half = (typeof HALVES)[number];

/** A tolerance of bf16 in the type at hand: with three more bits f16's errors are an eighth; a quarter is allowed. */
export function allowed(dtype: Half, inBf16: number): number {
  return dtype === "f16" ? inBf16 / 4 : inBf16;
}

export function up(values: Float32Array, dtype: DeviceType = "f32"): DeviceBuffer {
  return cuda.upload(values, { dtype });
}
export function empty(length: number, dtype: DeviceType = "f32"): DeviceBuffer {
  const buffer = cuda.createBuffer(dtype, length);
  // Poisoned, so that an element that nobody writes shows.
  if (dtype !== "i32" && dtype !== "u8") cuda.fill(buffer, Number.NaN);
  return buffer;
}
export function zeros(length: number): DeviceBuffer {
  const buffer = cuda.createBuffer("f32", length);
  cuda.fill(buffer, 0);
  return buffer;
}
export function down(buffer: DeviceBuffer): Float32Array {
  return cuda.downloadSync(buffer) as Float32Array;
}
export function downBytes(buffer: DeviceBuffer): Uint8Array {
  return cuda.downloadSync(buffer) as Uint8Array;
}
/** What float32 values become as halves. */
export function rounded(values: Float32Array, dtype: Half = "bf16"): Float32Array {
  return down(up(values, dtype));
}

/** ‖actual - expected‖ / ‖expected‖; NaN when a value is NaN. */
export function normError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(actual.length, expected.length);
  let [difference, size] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i]! - expected[i]!) ** 2;
    size += expected[i]! ** 2;
  }
  return Math.sqrt(difference / (size || 1));
}

const lines: string[] = [];

/** Asserts the largest error relative to the largest value, and notes it for the table. */
export function close(what: string, actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  check(what, relativeError(actual, expected), tolerance);
}
/** Asserts the error of the norm: for halves, whose single elements may be far off. */
export function closeInNorm(
  what: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
): void {
  check(what, normError(actual, expected), tolerance);
}
function check(what: string, error: number, tolerance: number): void {
  const good = error <= tolerance;
  lines.push(`${good ? "ok  " : "FAIL"} ${what.padEnd(64)} ${error.toExponential(2)} <= ${tolerance}`);
  assert.ok(good, `${what}: error ${error.toExponential(2)}, allowed ${tolerance}`);
}
export function note(line: string): void {
  lines.push(`     ${line}`);
}

after(() => {
  if (lines.length > 0) console.log(`\n${lines.join("\n")}`);
  lines.length = 0;
});
