/** How far a download is. */

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

const QUIET_MS = 5000;

/** Says on the console how far it is: nothing for what takes a moment, then a line every five seconds. */
export function consoleProgress(): ProgressListener {
  let last = Date.now();
  return ({ repoId, bytes, totalBytes }) => {
    if (Date.now() - last < QUIET_MS) return;
    last = Date.now();
    const percent = Math.floor((100 * bytes) / totalBytes);
    console.log(`Downloading ${repoId}: ${megabytes(bytes)} of ${megabytes(totalBytes)} MB (${percent} %)`);
  };
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
