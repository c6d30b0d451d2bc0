/** The path of Node that goes into kernel.json: absolute, and one that an upgrade of Node keeps. */
import { realpathSync } from "node:fs";
import { basename, delimiter, join } from "node:path";

/** Folders of PATH that last no longer than a shell or an `npm run`. */
const passing = /node_modules|_multishells|[\\/]te?mp[\\/]/i;

/**
 * A link on PATH that leads to the running Node (/usr/local/bin/node rather than a folder named after one version);
 * the running file itself when there is none.
 */
export function stableNodePath(running: string = process.execPath, path: string = process.env.PATH ?? ""): string {
  const target = realPath(running);
  const candidates = path
    .split(delimiter)
    .filter((folder) => folder !== "" && !passing.test(`${folder}/`))
    .map((folder) => join(folder, basename(running)));
  return candidates.find((candidate) => target !== undefined && realPath(candidate) === target) ?? running;
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
