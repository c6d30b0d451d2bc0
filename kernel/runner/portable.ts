/** A MIME bundle as a message can carry it: bytes in base64, numbers that JSON has no form for as numbers. */
import type { JsonObject, MimeBundle } from "../protocol/messages.js";

/** Deeper than this is a ring, of which JSON.stringify says so. */
const MAX_DEPTH = 1000;

export function portable(bundle: MimeBundle): MimeBundle {
  const entries = Object.entries(bundle).map(([type, data]: [string, unknown]) => [
    type,
    isBytes(data) ? base64(data) : plain(data, 0),
  ]);
  return Object.fromEntries(entries) as MimeBundle;
}

function isBytes(data: unknown): data is Uint8Array | ArrayBuffer {
  return data instanceof Uint8Array || data instanceof ArrayBuffer;
}

function base64(data: Uint8Array | ArrayBuffer): string {
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/** The same data where there is nothing to change, so that large charts are not copied. */
function plain(data: unknown, depth: number): unknown {
  if (typeof data === "bigint") return numberOf(data);
  if (typeof data !== "object" || data === null || depth > MAX_DEPTH) return data;
  if (ArrayBuffer.isView(data)) {
    return data instanceof DataView ? data : Array.from(data as unknown as ArrayLike<number | bigint>, numberOf);
  }
  if (Array.isArray(data)) {
    const changed = data.map((value) => plain(value, depth + 1));
    return changed.every((value, index) => Object.is(value, data[index])) ? data : changed;
  }
  if ("toJSON" in data) return data;
  const before = Object.entries(data);
  const after = before.map(([key, value]) => [key, plain(value, depth + 1)] as const);
  return after.every(([, value], index) => Object.is(value, before[index]?.[1]))
    ? data
    : (Object.fromEntries(after) as JsonObject);
}

/** Arrow, parquet and SQL count in bigints; what a double cannot hold stays exact as text. */
function numberOf(value: number | bigint): number | string {
  const number = Number(value);
  return typeof value === "number" || Number.isSafeInteger(number) ? number : String(value);
}
