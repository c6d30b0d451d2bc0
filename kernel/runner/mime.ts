/** How a value is shown: its own idea of it first, then what its shape tells, then node's inspection. */
import { inspect } from "node:util";
import type { JsonObject, MimeBundle } from "../protocol/messages.js";
import { summaryText, tensorText } from "./tensors.js";

const DISPLAY = Symbol.for("Jupyter.display");

/** The MIME bundle of a value. */
export async function toBundle(value: unknown): Promise<MimeBundle> {
  if (typeof value === "object" && value !== null) {
    const own = await ownBundle(value);
    if (own !== undefined) return own;
  }
  return { "text/plain": inspect(value) };
}

/** The MIME bundle of a value while the thread stands still: what would have to be awaited is shown as text. */
export function bundleNow(value: unknown): MimeBundle {
  if (typeof value === "object" && value !== null) {
    const own = ownBundle(value);
    if (own !== undefined && !(own instanceof Promise)) return own;
  }
  return { "text/plain": inspect(value) };
}

/** True for `{ "text/html": ..., "text/plain": ... }`. */
export function isBundle(value: unknown): value is MimeBundle {
  if (!isPlainObject(value)) return false;
  const keys = Object.keys(value);
  return keys.length > 0 && keys.every((key) => /^[a-z]+\/[\w.+-]+$/.test(key));
}

function ownBundle(value: object): MimeBundle | Promise<MimeBundle> | undefined {
  const shown = value as Record<PropertyKey, unknown>;
  if (typeof shown[DISPLAY] === "function") {
    const bundle: unknown = (shown[DISPLAY] as () => unknown).call(value);
    if (typeof bundle === "object" && bundle !== null) return bundle as MimeBundle | Promise<MimeBundle>;
  }
  if (typeof shown.toHTML === "function") {
    return { "text/html": String((shown.toHTML as () => unknown).call(value)), "text/plain": inspect(value) };
  }
  if (value instanceof Uint8Array) return imageBundle(value);
  const text = tensorText(value) ?? summaryText(value);
  if (text !== undefined) return { "text/plain": text };
  if (!isPlainObject(value)) return undefined;
  if (Array.isArray(value.data) && isPlainObject(value.layout)) {
    return { "application/vnd.plotly.v1+json": value as JsonObject, "text/plain": "Plotly figure" };
  }
  const vega = /\/schema\/(vega(?:-lite)?)\/v(\d+)/.exec(String(value.$schema ?? ""));
  if (vega) {
    const type = `application/vnd.${vega[1]?.replace("-", "")}.v${vega[2]}+json`;
    return { [type]: value as JsonObject, "text/plain": `${vega[1]} chart` };
  }
  return undefined;
}

function imageBundle(bytes: Uint8Array): MimeBundle | undefined {
  const type = startsWith(bytes, [0x89, 0x50, 0x4e, 0x47])
    ? "image/png"
    : startsWith(bytes, [0xff, 0xd8, 0xff])
      ? "image/jpeg"
      : undefined;
  if (type === undefined) return undefined;
  return { [type]: Buffer.from(bytes).toString("base64"), "text/plain": `${type}, ${bytes.length} bytes` };
}

function startsWith(bytes: Uint8Array, prefix: number[]): boolean {
  return prefix.every((byte, index) => bytes[index] === byte);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
