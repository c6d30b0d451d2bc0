/**
 * Runs ops of the CUDA table on numbers from files, for comparisons written in other languages (tests/gpu/ops.py).
 *   node runOps.js <folder>   reads request.json, writes the outputs as raw little-endian files
 * { buffers: { name: { dtype, file? , length? } }, calls: [{ op, args, as? }], outputs: [names] }; of the arguments,
 * { "$": name } is a buffer or what a call gave back under the name `as`, { "host": dtype, "file": name } a typed array,
 * anything else itself.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DeviceBuffer, type DeviceType, type HostArray, loadAddon } from "../../lib/native/addon.js";

interface Request {
  buffers: Record<string, { dtype: DeviceType; file?: string; length?: number }>;
  calls: { op: string; args: unknown[]; as?: string }[];
  outputs: string[];
}

const folder = process.argv[2] ?? ".";
const loaded = loadAddon();
const cuda = loaded.addon?.cuda;
if (!cuda) throw new Error(loaded.addon ? "The addon was built without CUDA." : loaded.reason);

const arrays = { f32: Float32Array, bf16: Uint16Array, f16: Uint16Array, i32: Int32Array, u8: Uint8Array };

function read(dtype: DeviceType, file: string): HostArray {
  const bytes = readFileSync(join(folder, file));
  return new arrays[dtype](bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer);
}

const { buffers, calls, outputs } = JSON.parse(readFileSync(join(folder, "request.json"), "utf8")) as Request;
const onDevice = new Map<string, unknown>();
for (const [name, { dtype, file, length = 0 }] of Object.entries(buffers)) {
  const buffer: DeviceBuffer = file ? cuda.upload(read(dtype, file), { dtype }) : cuda.createBuffer(dtype, length);
  if (!file) cuda.fill(buffer, 0);
  onDevice.set(name, buffer);
}

function resolve(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(resolve);
  const given = value as Record<string, unknown>;
  if (typeof given.$ === "string") return onDevice.get(given.$);
  if (typeof given.host === "string") return read(given.host as DeviceType, String(given.file));
  return Object.fromEntries(Object.entries(given).map(([key, inner]) => [key, resolve(inner)]));
}

const table = cuda as unknown as Record<string, (...args: unknown[]) => unknown>;
const results = calls.map(({ op, args, as }) => {
  const run = table[op];
  if (!run) throw new Error(`There is no op ${op}.`);
  const started = performance.now();
  const value = run(...args.map(resolve));
  cuda.synchronize();
  if (as !== undefined) onDevice.set(as, value);
  return { op, value: typeof value === "number" ? value : null, milliseconds: performance.now() - started };
});
for (const name of outputs) {
  const values = cuda.downloadSync(onDevice.get(name) as DeviceBuffer);
  writeFileSync(join(folder, `${name}.out`), new Uint8Array(values.buffer));
}
writeFileSync(join(folder, "results.json"), JSON.stringify(results));
