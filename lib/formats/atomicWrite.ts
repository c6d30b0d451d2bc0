/** Files appear whole or not at all: written beside their place under a temporary name, then renamed. */
import { randomBytes } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { writing } from "./writeError.js";

type FileHandle = Awaited<ReturnType<typeof open>>;

/** Calls `write` with a new file; when that succeeds the file takes the name `path`, otherwise it is removed. */
export function writeAtomically(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  return writing(path, () => writeAndRename(path, write));
}

async function writeAndRename(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString("hex")}.tmp`);
  const file = await open(temporary, "wx");
  try {
    await write(file);
    await file.sync();
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Writes a whole text or byte file at once. */
export async function writeFileAtomically(path: string, content: string | Uint8Array): Promise<void> {
  await writeAtomically(path, (file) => file.writeFile(content));
}
