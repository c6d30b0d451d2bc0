/**
 * The header of a safetensors file: eight bytes of length, then JSON that maps each tensor name to its dtype, shape
 * and byte range (https://huggingface.co/docs/safetensors). Nothing in it is believed before it is checked.
 */
import { fail } from "../errors.js";
import { DTYPE_BYTES, elementCount, type SafetensorsDtype, type TensorInfo } from "./tensorEntry.js";

/** The format's own limit on the length of a header. */
export const MAX_HEADER_BYTES = 100_000_000;

export interface TensorRange extends TensorInfo {
  /** First byte, and the one after the last, counted from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly tensors: ReadonlyMap<string, TensorRange>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Parses and checks a header.
 * @param path named in errors
 * @param text the JSON text
 * @param dataBytes how many bytes follow the header; the tensors must fill them without gap or overlap
 */
export function parseHeader(path: string, text: string, dataBytes: number): Header {
  const invalid = (what: string, cause?: unknown): never =>
    fail(`${path} is no valid safetensors file: ${what}.`, {
      hint: "Download or write it again.",
      ...(cause === undefined ? {} : { cause }),
    });

  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    return invalid("its header is not JSON", cause);
  }
  if (!isRecord(json)) return invalid("its header is not a JSON object");
  const duplicate = duplicateKey(text);
  if (duplicate !== undefined) return invalid(`its header names "${duplicate}" twice`);

  const { __metadata__: metadata = {}, ...rest } = json;
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === "string")) {
    return invalid("its __metadata__ is not a map of strings");
  }
  const tensors = new Map<string, TensorRange>();
  for (const [name, value] of Object.entries(rest)) {
    if (!isRecord(value)) return invalid(`the tensor "${name}" has no description`);
    const { dtype, shape, data_offsets: offsets } = value;
    if (typeof dtype !== "string" || !Object.hasOwn(DTYPE_BYTES, dtype)) {
      return invalid(`the tensor "${name}" has the unknown dtype ${JSON.stringify(dtype)}`);
    }
    if (!isListOfSizes(shape)) return invalid(`the tensor "${name}" has the shape ${JSON.stringify(shape)}`);
    if (!isListOfSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
      return invalid(`the tensor "${name}" has the data offsets ${JSON.stringify(offsets)}`);
    }
    const [begin, end] = offsets as [number, number];
    const bytes = elementCount(shape) * DTYPE_BYTES[dtype as SafetensorsDtype];
    if (bytes !== end - begin) {
      return invalid(`the tensor "${name}" of shape [${shape.join(", ")}] needs ${bytes} bytes but has ${end - begin}`);
    }
    tensors.set(name, { dtype: dtype as SafetensorsDtype, shape, begin, end });
  }

  let position = 0;
  for (const [name, range] of [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    if (range.begin < position) return invalid(`the tensor "${name}" overlaps the one before it`);
    if (range.begin > position) return invalid(`${range.begin - position} bytes before "${name}" belong to no tensor`);
    position = range.end;
  }
  if (position > dataBytes) {
    return invalid(`its tensors need ${position} bytes but only ${dataBytes} follow the header, so it is truncated`);
  }
  if (position < dataBytes) return invalid(`${dataBytes - position} bytes at its end belong to no tensor`);
  return { tensors, metadata: metadata as Record<string, string> };
}

/** The length field and the header of a file with these tensors, padded so that the data starts on 8 bytes. */
export function formatHeader(header: Header): Uint8Array {
  const json: Record<string, unknown> = {};
  if (Object.keys(header.metadata).length > 0) json.__metadata__ = header.metadata;
  for (const [name, { dtype, shape, begin, end }] of header.tensors) {
    json[name] = { dtype, shape, data_offsets: [begin, end] };
  }
  const text = new TextEncoder().encode(JSON.stringify(json));
  const length = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20, 8 + text.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, 8);
  return bytes;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isListOfSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

/** A key that stands twice in the outermost object; JSON.parse would silently keep the last. */
function duplicateKey(text: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}[\]]/g)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    else if (depth === 1 && token.endsWith(":")) {
      const key = JSON.parse(token.slice(0, -1)) as string;
      if (seen.has(key)) return key;
      seen.add(key);
    }
  }
  return undefined;
}
