/**
 * The cache on disk, in the layout that Python's huggingface_hub shares: blobs by content, snapshots of links to them
 * by commit, refs that name a revision's commit.
 */

import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fail } from "../errors.js";
import { writeFileAtomically } from "../formats/atomicWrite.js";

/** One repository's folder in the cache. */
export class RepositoryCache {
  constructor(readonly directory: string) {}

  snapshot(commit: string): string {
    return join(this.directory, "snapshots", commit);
  }

  /** Where the content with this hash lies, or will lie. */
  blob(etag: string): string {
    return join(this.directory, "blobs", etag);
  }

  /** The commit that `revision` meant when it was last asked for; a commit's own hash means itself. */
  async commitOf(revision: string): Promise<string | null> {
    if (existsSync(this.snapshot(revision))) return revision;
    try {
      const commit = (await readFile(join(this.directory, "refs", safePath(revision)), "utf8")).trim();
      return existsSync(this.snapshot(commit)) ? commit : null;
    } catch {
      return null;
    }
  }

  async remember(revision: string, commit: string): Promise<void> {
    if (revision !== commit) await writeFileAtomically(join(this.directory, "refs", safePath(revision)), commit);
  }

  /** The files of a snapshot whose content is there, relative, with forward slashes. */
  async files(commit: string): Promise<string[]> {
    const root = this.snapshot(commit);
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => existsSync(path))
      .map((path) => relative(root, path).replaceAll("\\", "/"))
      .sort();
  }

  has(commit: string, path: string): boolean {
    return existsSync(join(this.snapshot(commit), safePath(path)));
  }

  /** Puts the blob into the snapshot under its name; the blob itself where the system has no symbolic links. */
  async link(commit: string, path: string, etag: string): Promise<void> {
    const pointer = join(this.snapshot(commit), safePath(path));
    const blob = this.blob(etag);
    await mkdir(dirname(pointer), { recursive: true });
    const temporary = `${pointer}.${randomBytes(4).toString("hex")}`;
    try {
      await symlink(relative(dirname(pointer), blob), temporary);
      await rename(temporary, pointer);
    } catch (error) {
      await rm(temporary, { force: true });
      if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
      await rename(blob, pointer);
    }
  }
}

/** The path itself when it cannot lead out of the folder that it is joined to. */
export function safePath(path: string): string {
  const parts = path.split(/[\\/]/);
  if (path === "" || parts.some((part) => part === "" || part === "." || part === ".." || /^[a-zA-Z]:/.test(part))) {
    fail(`The repository names a file ${JSON.stringify(path)}, which could lead out of the cache.`);
  }
  return path;
}
