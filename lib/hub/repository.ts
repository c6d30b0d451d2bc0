/** A model or data set on the hub or in the cache: its list of files, and the ones that are asked for on disk. */
import { datasetInfo, listFiles, modelInfo } from "@huggingface/hub";
import { fail } from "../errors.js";
import { RepositoryCache, safePath } from "./cache.js";
import { contentHash, downloadBlob, type RemoteFile } from "./download.js";
import { hubFailure, isUnreachable, type RepositoryName } from "./errors.js";
import { consoleProgress, type ProgressListener } from "./progress.js";
import { accessToken, endpoint, isOffline, repositoryDirectory } from "./settings.js";

export interface RepositoryOptions {
  /** Branch, tag or commit. Defaults to "main". */
  readonly revision?: string | undefined;
  /** Access token; see settings.ts for where else it is looked for. */
  readonly token?: string | undefined;
}

export interface Repository {
  readonly repoId: string;
  /** Hash of the commit that the revision stands for. */
  readonly commit: string;
  /** Folder of the snapshot; only files that `fetch` was called for are sure to be there. */
  readonly directory: string;
  /** Paths of the repository's files; of the cached ones when the hub is not asked. */
  readonly paths: readonly string[];
  /** Brings the files at `paths` into `directory`. */
  fetch(paths: readonly string[], onProgress?: ProgressListener): Promise<void>;
}

/** Seconds that a question about a repository may take. */
const QUESTION_MS = 20_000;

/**
 * Opens a repository at a revision. Offline (HF_HUB_OFFLINE), or when the hub does not answer, what the cache holds of
 * it is used; the second case says so.
 */
export async function openRepository(
  type: "model" | "dataset",
  repoId: string,
  options: RepositoryOptions = {},
): Promise<Repository> {
  const name = { type, repoId, revision: options.revision ?? "main" };
  if (!/^[\w.-]+(?:\/[\w.-]+)?$/.test(repoId) || repoId.includes("..")) {
    fail(`"${repoId}" is no name of a ${type} on the hub.`, { hint: 'Names look like "organisation/name".' });
  }
  const cache = new RepositoryCache(repositoryDirectory(type, repoId));
  if (isOffline()) {
    const cached = await fromCache(name, cache);
    return (
      cached ??
      fail(`HF_HUB_OFFLINE is set and the ${type} ${repoId} is not in the cache (${cache.directory}).`, {
        hint: "Unset HF_HUB_OFFLINE, or give the folder of a local copy.",
      })
    );
  }
  try {
    return await fromHub(name, cache, accessToken(options.token));
  } catch (error) {
    if (!isUnreachable(error)) return hubFailure(name, error);
    const cached = await fromCache(name, cache);
    if (!cached) {
      fail(`${endpoint()} cannot be reached and the ${type} ${repoId} is not in the cache (${cache.directory}).`, {
        hint: "Connect to the network, or give the folder of a local copy.",
        cause: error,
      });
    }
    console.warn(`${endpoint()} cannot be reached: using the cached copy of ${repoId} (${cached.commit.slice(0, 8)}).`);
    return cached;
  }
}

async function fromHub(name: RepositoryName, cache: RepositoryCache, token: string | undefined): Promise<Repository> {
  const { type, repoId, revision } = name;
  const repo = { type, name: repoId };
  const access = {
    hubUrl: endpoint(),
    fetch: impatientFetch,
    ...(token !== undefined && { accessToken: token }),
  };
  const question = { name: repoId, revision, ...access };
  const { sha: commit } = await (type === "model"
    ? modelInfo({ ...question, additionalFields: ["sha"] })
    : datasetInfo({ ...question, additionalFields: ["sha"] }));
  if (!/^[0-9a-f]{40}$/.test(commit)) fail(`The hub names no commit for ${repoId}.`);
  const files = new Map<string, RemoteFile>();
  for await (const entry of listFiles({ repo, recursive: true, revision: commit, ...access })) {
    if (entry.type === "file") files.set(safePath(entry.path), entry);
  }
  await cache.remember(revision, commit);
  return {
    repoId,
    commit,
    directory: cache.snapshot(commit),
    paths: [...files.keys()].sort(),
    async fetch(paths, onProgress = consoleProgress()) {
      const wanted = paths.map((path) => files.get(path) ?? fail(`${repoId} has no file ${path}.`));
      const totalBytes = wanted.reduce((sum, file) => sum + file.size, 0);
      let bytes = 0;
      for (const file of wanted) {
        const onBytes = (more: number): void => {
          bytes += more;
          onProgress({ repoId, path: file.path, bytes, totalBytes });
        };
        if (cache.has(commit, file.path)) {
          onBytes(file.size);
          continue;
        }
        const etag = contentHash(file);
        try {
          await downloadBlob(file, cache.blob(safePath(etag)), { repo, commit, token, onBytes });
        } catch (error) {
          hubFailure(name, error);
        }
        await cache.link(commit, file.path, etag);
      }
    },
  };
}

async function fromCache({ repoId, revision }: RepositoryName, cache: RepositoryCache): Promise<Repository | null> {
  const commit = await cache.commitOf(revision);
  if (commit === null) return null;
  return {
    repoId,
    commit,
    directory: cache.snapshot(commit),
    paths: await cache.files(commit),
    async fetch(paths) {
      const missing = paths.find((path) => !cache.has(commit, path));
      if (missing !== undefined) {
        fail(`The cached copy of ${repoId} lacks ${missing}, and the hub is not asked or cannot be reached.`, {
          hint: "Connect to the network, unset HF_HUB_OFFLINE, and run this again.",
        });
      }
    },
  };
}

const impatientFetch: typeof fetch = (input, init) =>
  fetch(input, { ...init, signal: AbortSignal.timeout(QUESTION_MS) });
