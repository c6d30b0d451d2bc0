/** How a value is shown: its own idea of it first, then what its shape tells, then node's inspection. */
import { Console } from "node:console";
import { Writable } from "node:stream";
import { inspect } from "node:util";
import type { JsonObject, MimeBundle } from "../protocol/messages.js";
import { portable } from "./portable.js";
import { summaryText, tensorText } from "./tensors.js";

const DISPLAY = Symbol.for("Jupyter.display");
const TABLE_ROWS = 10;

/** The MIME bundle of a value; a promise of it only when the value's own way of showing itself gives one. */
export function bundleOf(value: unknown): MimeBundle | Promise<MimeBundle> {
  const own = Object(value) === value ? ownBundle(value as object) : undefined;
  if (own instanceof Promise) return own.then(portable);
  return own === undefined ? { "text/plain": inspect(value) } : portable(own);
}

/** The MIME bundle of a value. */
export async function toBundle(value: unknown): Promise<MimeBundle> {
  return await bundleOf(value);
}

/** The MIME bundle of a value while the thread stands still: what would have to be awaited is shown as text. */
export function bundleNow(value: unknown): MimeBundle {
  const bundle = bundleOf(value);
  return bundle instanceof Promise ? { "text/plain": inspect(value) } : bundle;
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
  if (typeof value === "function") return undefined;
  if (typeof shown.toHTML === "function") {
    const html: unknown = (shown.toHTML as () => unknown).call(value);
    return html instanceof Promise ? html.then((later) => htmlBundle(value, later)) : htmlBundle(value, html);
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

function htmlBundle(value: object, html: unknown): MimeBundle {
  return { "text/html": String(html), "text/plain": isTable(value) ? tableText(value) : inspect(value) };
}

/** As much of arquero's tables as their text needs. */
interface Table {
  objects(options: { limit: number }): object[];
  numRows(): number;
}

function isTable(value: object): value is Table {
  const { objects, numRows } = value as Partial<Table>;
  return typeof objects === "function" && typeof numRows === "function";
}

/** The first rows, as many as arquero's own print gives, drawn by node. */
function tableText(table: Table): string {
  let text = "";
  const sink = new Writable({
    write(chunk, _, done) {
      text += String(chunk);
      done();
    },
  });
  new Console(sink).table(table.objects({ limit: TABLE_ROWS }));
  const rows = table.numRows();
  return rows > TABLE_ROWS ? `${text}${TABLE_ROWS} of ${rows} rows` : text.trimEnd();
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
