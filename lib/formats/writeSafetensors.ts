/** Writes one safetensors file, tensor by tensor, so that only one of them has to be in memory. */
import { fail } from "../errors.js";
import { writeAtomically } from "./atomicWrite.js";
import { formatHeader, type TensorRange } from "./safetensorsHeader.js";
import { DTYPE_BYTES, elementCount, type SafetensorsDtype, type TensorInfo } from "./tensorEntry.js";

export interface TensorToWrite extends TensorInfo {
  readonly name: string;
  /** The tensor's bytes, or a function that makes them when their turn comes, at once or in pieces. */
  readonly data: Uint8Array | (() => Uint8Array | Promise<Uint8Array> | AsyncIterable<Uint8Array>);
}

/** The order of the format's own writer: wider dtypes first, which keeps every tensor aligned, then by name. */
const DTYPE_ORDER: readonly SafetensorsDtype[] = [
  "U64",
  "I64",
  "F64",
  "F32",
  "U32",
  "I32",
  "BF16",
  "F16",
  "U16",
  "I16",
  "F8_E4M3",
  "F8_E5M2",
  "I8",
  "U8",
  "BOOL",
];

const WRITE_BYTES = 1 << 30;

/**
 * Writes `entries` to `path` under a temporary name that becomes `path` when everything is on disk.
 * @param metadata strings for `__metadata__`; `{ format: "pt" }` by default, which transformers asks for
 */
export async function writeSafetensors(
  path: string,
  entries: Iterable<TensorToWrite> | AsyncIterable<TensorToWrite>,
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): Promise<void> {
  const sorted: TensorToWrite[] = [];
  for await (const entry of entries) sorted.push(entry);
  sorted.sort(inFileOrder);
  const tensors = layOut(path, sorted);
  await writeAtomically(path, async (file) => {
    await file.write(formatHeader({ tensors, metadata }));
    for (const entry of sorted) {
      const made = typeof entry.data === "function" ? await entry.data() : entry.data;
      let written = 0;
      for await (const piece of made instanceof Uint8Array ? [made] : made) {
        for (let done = 0; done < piece.byteLength; ) {
          const { bytesWritten } = await file.write(piece, done, Math.min(WRITE_BYTES, piece.byteLength - done));
          done += bytesWritten;
        }
        written += piece.byteLength;
      }
      const expected = byteLength(entry);
      if (written !== expected) {
        fail(
          `The tensor "${entry.name}" of shape [${entry.shape.join(", ")}] and dtype ${entry.dtype} needs ${expected} bytes, got ${written}.`,
        );
      }
    }
  });
}

/** Bytes that the tensor takes in a file. */
export function byteLength({ dtype, shape }: TensorInfo): number {
  return elementCount(shape) * DTYPE_BYTES[dtype];
}

function inFileOrder(a: TensorToWrite, b: TensorToWrite): number {
  const byDtype = DTYPE_ORDER.indexOf(a.dtype) - DTYPE_ORDER.indexOf(b.dtype);
  return byDtype || Buffer.compare(Buffer.from(a.name), Buffer.from(b.name));
}

function layOut(path: string, sorted: readonly TensorToWrite[]): Map<string, TensorRange> {
  const tensors = new Map<string, TensorRange>();
  let begin = 0;
  for (const entry of sorted) {
    if (tensors.has(entry.name)) fail(`The tensor "${entry.name}" would stand twice in ${path}.`);
    const end = begin + byteLength(entry);
    tensors.set(entry.name, { dtype: entry.dtype, shape: entry.shape, begin, end });
    begin = end;
  }
  return tensors;
}
