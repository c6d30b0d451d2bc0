/** How far a download is. */
import { seldom } from "../seldom.js";

export interface DownloadProgress {
  /** The repository, e.g. "unsloth/Qwen2.5-0.5B". */
  readonly repoId: string;
  /** The file that is coming now. */
  readonly path: string;
  /** Bytes that are here, of all files together, those that were in the cache included. */
  readonly bytes: number;
  readonly totalBytes: number;
}

export type ProgressListener = (progress: DownloadProgress) => void;

/** Says on the console how far it is. */
export function consoleProgress(): ProgressListener {
  return seldom(({ repoId, bytes, totalBytes }) => {
    const percent = Math.floor((100 * bytes) / totalBytes);
    return `Downloading ${repoId}: ${megabytes(bytes)} of ${megabytes(totalBytes)} MB (${percent} %)`;
  });
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
