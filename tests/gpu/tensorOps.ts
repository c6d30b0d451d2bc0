/** The tensor tables side by side: an op on the CPU and on the GPU, with the same arguments, and how far they lie apart. */
import assert from "node:assert/strict";
import type { DeviceBuffer } from "../../lib/native/addon.js";
import { denseStrides } from "../../lib/tensor/backend/kernel.js";
import type { TensorTable } from "../../lib/tensor/backend/table.js";
import { generator } from "../lib/native/reference/random.js";
import { cuda, tensors } from "./device.js";

/** Elements; lengths and strides are Float64Arrays. */
export type Elements = Float32Array | Int32Array | Uint8Array;
export type Argument = Elements | Float64Array | number | boolean;
export type ElementKind = "floats" | "integers" | "bools";

const isElements = (value: Argument): value is Elements =>
  ArrayBuffer.isView(value) && !(value instanceof Float64Array);

/** Largest difference of an element, relative to its size or 1; infinite where one is NaN or infinite and the other not. */
function apart(actual: Elements, expected: Elements): number {
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [actual[i]!, expected[i]!];
    if (Object.is(a, b) || a === b) continue;
    const difference = Math.abs(a - b) / Math.max(1, Math.abs(b));
    worst = difference <= worst ? worst : Number.isFinite(difference) ? difference : Number.POSITIVE_INFINITY;
  }
  return worst;
}

function run(table: TensorTable, op: keyof TensorTable, args: readonly unknown[]): void {
  (table[op] as (...given: unknown[]) => void)(...args);
}

/**
 * Runs an op on copies of the arguments on the CPU and on the GPU, and asserts that all arrays hold the same afterwards:
 * results within the tolerance, operands untouched.
 */
export function both(what: string, op: keyof TensorTable, args: readonly Argument[], tolerance = 0): void {
  const onHost = args.map((value) => (isElements(value) ? value.slice() : value));
  run(tensors.host, op, onHost);
  const onDevice = args.map((value) => (isElements(value) ? cuda.upload(value) : value));
  run(tensors.device, op, onDevice);
  onHost.forEach((expected, i) => {
    if (!isElements(expected)) return;
    const buffer = onDevice[i] as DeviceBuffer;
    const actual = cuda.downloadSync(buffer);
    cuda.dispose(buffer);
    const worst = apart(actual, expected);
    if (worst <= tolerance) return;
    const at = actual.findIndex((_, j) => apart(actual.subarray(j, j + 1), expected.subarray(j, j + 1)) === worst);
    assert.fail(
      `${what}: ${op} is off by ${worst.toExponential(2)}, allowed ${tolerance}; ` +
        `element ${at} of ${expected.length} is ${actual[at]}, the CPU's ${expected[at]}.`,
    );
  });
}

/** A result that nothing was written to yet: NaN, or numbers that no test expects. */
export function blank(kind: ElementKind, length: number): Elements {
  if (kind === "floats") return new Float32Array(length).fill(Number.NaN);
  return kind === "integers" ? new Int32Array(length).fill(-987654321) : new Uint8Array(length).fill(77);
}

/** Random elements: floats around 0, integers of both signs, truth values. */
export function random(
  kind: ElementKind,
  length: number,
  seed: number,
  scale = kind === "floats" ? 3 : 1000,
): Elements {
  const next = generator(seed);
  const values = blank(kind, length);
  for (let i = 0; i < length; i++) {
    const value = (2 * next() - 1) * scale;
    values[i] = kind === "floats" ? value : kind === "integers" ? Math.floor(value) : Number(value < 0);
  }
  return values;
}

/** With the floats that need care scattered among the others. */
export function special(length: number, seed: number, scale?: number): Float32Array {
  const values = random("floats", length, seed, scale) as Float32Array;
  const rare = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 0.5, -0.5, 1.5, 2.5, 1, -1];
  for (let i = 0; i < length; i += 7) values[i] = rare[(i / 7) % rare.length]!;
  return values;
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);
export const dense = (shape: readonly number[]): Float64Array => Float64Array.from(denseStrides(shape));
