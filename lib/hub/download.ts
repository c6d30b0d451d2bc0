/** Brings one file of a repository into the cache: resumed where it broke off, checked, and moved into place whole. */
import { createHash, type Hash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { downloadFile, HubApiError, type ListFileEntry } from "@huggingface/hub";
import { fail } from "../errors.js";
import { endpoint } from "./settings.js";

/** A file that is to be had, as the hub lists it. */
export type RemoteFile = Pick<ListFileEntry, "path" | "size" | "oid" | "lfs">;

export interface DownloadRequest {
  readonly repo: { readonly type: "model" | "dataset"; readonly name: string };
  readonly commit: string;
  readonly token: string | undefined;
  /** Called with the number of bytes that have come since the last call. */
  readonly onBytes: (bytes: number) => void;
}

/** How often a connection that broke is taken up again. */
const ATTEMPTS = 4;

/** The name of the content in the cache: SHA-256 for large files, git's own hash for the others. */
export function contentHash(file: RemoteFile): string {
  return file.lfs?.oid ?? file.oid ?? fail(`The hub lists ${file.path} without a hash.`);
}

/** Downloads `file` to `blob`, unless it is there. */
export async function downloadBlob(file: RemoteFile, blob: string, request: DownloadRequest): Promise<void> {
  if (existsSync(blob)) return request.onBytes(file.size);
  await mkdir(dirname(blob), { recursive: true });
  const incomplete = `${blob}.incomplete`;
  for (let attempt = 1; ; attempt++) {
    try {
      await continueDownload(file, incomplete, request);
      break;
    } catch (error) {
      // What the hub says of itself will not change; a connection may come back.
      if (attempt === ATTEMPTS || error instanceof HubApiError) throw error;
    }
  }
  await rename(incomplete, blob);
}

async function continueDownload(file: RemoteFile, incomplete: string, request: DownloadRequest): Promise<void> {
  const { repo, commit, token, onBytes } = request;
  let start = existsSync(incomplete) ? (await stat(incomplete)).size : 0;
  if (start > file.size) {
    await rm(incomplete);
    start = 0;
  }
  const hash = newHash(file);
  if (start > 0) await pipeline(createReadStream(incomplete), new Meter(hash, () => undefined).resume());
  if (start < file.size || file.size === 0) {
    const content = await downloadFile({
      repo,
      path: file.path,
      revision: commit,
      hubUrl: endpoint(),
      ...(token !== undefined && { accessToken: token }),
    });
    if (content === null) fail(`The hub lists ${file.path} but does not give it.`);
    const rest = start === 0 ? content : content.slice(start);
    const meter = new Meter(hash, onBytes);
    const stream = Readable.fromWeb(rest.stream() as ReadableStream);
    await pipeline(stream, meter, createWriteStream(incomplete, { flags: "a" }));
  }
  const { size } = await stat(incomplete);
  if (size < file.size) fail(`${file.path} broke off after ${size} of ${file.size} bytes.`);
  if (size > file.size || hash.digest("hex") !== contentHash(file)) {
    await rm(incomplete);
    fail(`${file.path} came with other bytes than the hub lists for it.`, { hint: "Try again." });
  }
}

function newHash(file: RemoteFile): Hash {
  return file.lfs ? createHash("sha256") : createHash("sha1").update(`blob ${file.size}\0`);
}

/** Passes bytes on, hashing and counting them. */
class Meter extends Transform {
  constructor(hash: Hash, onBytes: (bytes: number) => void) {
    super({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        onBytes(chunk.length);
        done(null, chunk);
      },
    });
  }
}
