/** Text as JSON in bytes: long text, in which hardly anything has to be escaped, without making a second string of it. */
import type { Json } from "./messages.js";

/** Shorter text, or text with more than one byte in so many to escape, is done sooner by JSON.stringify. */
const SHORT = 4096;
const SPARSE = 256;
const [SPACE, QUOTE, BACKSLASH] = [0x20, 0x22, 0x5c];

/**
 * JSON.stringify escapes surrogates that have no partner, which is valid JSON; but Python cannot write the string that it
 * makes of them as UTF-8, and a notebook with one could not be saved.
 */
export function toJson(value: Json): string {
  const json = JSON.stringify(value);
  if (!json.includes("\\ud")) return json;
  return json.replace(/\\(?:ud[89a-f][0-9a-f]{2}|.)/g, (escaped) => (escaped.length === 6 ? "\\ufffd" : escaped));
}

/** The bytes between the quotes, in pieces. */
export function jsonBytes(text: string): Uint8Array[] {
  return (text.length < SHORT ? undefined : ofSparse(text)) ?? [Buffer.from(unquoted(text))];
}

function ofSparse(text: string): Uint8Array[] | undefined {
  // Memory of its own, in which words of four bytes lie where they must.
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  const places = escapes(bytes);
  if (places === undefined) return undefined;
  const pieces: Uint8Array[] = [];
  let start = 0;
  for (const place of places) {
    pieces.push(bytes.subarray(start, place), Buffer.from(unquoted(String.fromCharCode(bytes[place] as number))));
    start = place + 1;
  }
  pieces.push(bytes.subarray(start));
  return pieces;
}

function unquoted(text: string): string {
  return toJson(text).slice(1, -1);
}

/** Where the bytes are that have to be escaped; undefined where there are many. */
function escapes(bytes: Buffer): number[] | undefined {
  const most = bytes.length / SPARSE;
  const words = new Int32Array(bytes.buffer, 0, bytes.length >> 2);
  const places: number[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number;
    if ((below(word, 0x20202020) | below(word ^ 0x22222222, 0x01010101) | below(word ^ 0x5c5c5c5c, 0x01010101)) === 0)
      continue;
    look(bytes, i * 4, i * 4 + 4, places);
    if (places.length > most) return undefined;
  }
  look(bytes, words.length * 4, bytes.length, places);
  return places;
}

/** Not 0 where one of four bytes is below its limit of at most 128: `haszero` and `hasless` of Bit Twiddling Hacks. */
function below(word: number, limits: number): number {
  return (word - limits) & ~word & 0x80808080;
}

function look(bytes: Buffer, start: number, end: number, places: number[]): void {
  for (let place = start; place < end; place++) {
    const byte = bytes[place] as number;
    if (byte < SPACE || byte === QUOTE || byte === BACKSLASH) places.push(place);
  }
}
