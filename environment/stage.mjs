/** A stage of the set-up does one thing once: its stamp in build/stamps says for which inputs it is done. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { root, stamps } from "./paths.mjs";
import { elapsed, say } from "./terminal.mjs";

/**
 * @typedef {object} Stage
 * @property {string} name used for the stamp and the log
 * @property {string} what what it does, shown while it runs
 * @property {() => string} fingerprint everything its result depends on
 * @property {(note?: string) => boolean} present whether its result is still there; `note` is what the last run said
 * @property {() => Promise<string | undefined>} run does it; a returned note is shown now and on later runs
 */

/** @typedef {{ fingerprint: string, note?: string | undefined }} Stamp */

/**
 * Runs the stages that are not done for their present inputs.
 * @param {Stage[]} stages
 * @param {string} [folder] where the stamps are
 */
export async function runStages(stages, folder = stamps) {
  const start = performance.now();
  mkdirSync(folder, { recursive: true });
  let ran = 0;
  for (const stage of stages) {
    const fingerprint = stage.fingerprint();
    const path = join(folder, `${stage.name}.json`);
    const stamp = readStamp(path);
    if (stamp?.fingerprint === fingerprint && stage.present(stamp.note)) {
      if (stamp.note !== undefined) say(`  ${stamp.note}`);
      continue;
    }
    ran++;
    say(`${stage.what} ...`);
    const since = performance.now();
    rmSync(path, { force: true });
    const note = await stage.run();
    writeStamp(path, { fingerprint, note });
    say(`  ${note ?? "done"} (${elapsed(since)})`);
  }
  say(ran === 0 ? `Set-up is up to date (${elapsed(start)}).` : `Set-up finished in ${elapsed(start)}.`);
}

/**
 * @param {string} path
 * @returns {Stamp | undefined}
 */
function readStamp(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/**
 * @param {string} path
 * @param {Stamp} stamp
 */
function writeStamp(path, stamp) {
  writeFileSync(`${path}.tmp`, JSON.stringify(stamp));
  renameSync(`${path}.tmp`, path);
}

/**
 * One digest of words and of the contents of files and folders, so that a fresh clone and an old one agree.
 * @param {{ words?: string[], paths?: string[], only?: RegExp }} inputs paths relative to the checkout
 */
export function digest({ words = [], paths = [], only = /./ }) {
  const hash = createHash("sha256");
  for (const word of words) hash.update(`${word}\0`);
  for (const path of paths) {
    for (const file of filesBelow(path, only)) hash.update(`${file}\0`).update(readFileSync(join(root, file)));
  }
  return hash.digest("hex");
}

/**
 * @param {string} path
 * @param {RegExp} only
 * @returns {string[]}
 */
function filesBelow(path, only) {
  if (!existsSync(join(root, path))) return [];
  if (statSync(join(root, path)).isFile()) return [path];
  return readdirSync(join(root, path), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && only.test(entry.name))
    .map((entry) => join(relative(root, entry.parentPath), entry.name))
    .sort();
}
