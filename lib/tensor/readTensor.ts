/** A tensor's bytes from a file, read by the backend's own threads while JavaScript goes on. */
import { fail } from "../errors.js";
import type { FileRange } from "../formats/tensorEntry.js";
import type { NativeFileReader, ReaderOps } from "../native/addon.js";

/** @throws TunelabError that names the tensor and the file when bytes are missing */
export async function readTensor<Target>(
  ops: ReaderOps<Target>,
  reader: NativeFileReader,
  name: string,
  { path, descriptor, offset }: FileRange,
  buffer: Target,
): Promise<void> {
  try {
    await ops.readIntoBuffer(reader, descriptor, offset, buffer);
  } catch (cause) {
    fail(`The tensor ${name} cannot be read from ${path}: ${(cause as Error).message}`, { cause });
  }
}
