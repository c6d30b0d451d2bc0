/** Archives that travel to another machine. */
import { statSync } from "node:fs";
import { Problem } from "./problem.mjs";
import { openly } from "./shell.mjs";
import { say } from "./terminal.mjs";

/**
 * Packs all that is in `folder` and says how large it is.
 * @param {string} folder
 * @param {string} archive its name ends in .tar.xz
 */
export async function packFolder(folder, archive) {
  const env = { ...process.env, XZ_OPT: "-T0 -6" };
  if ((await openly("tar", ["-cJf", archive, "-C", folder, "."], { env })) !== 0)
    throw new Problem("The archive could not be written.");
  say(`${archive}: ${(statSync(archive).size / 2 ** 20).toFixed(1)} MiB`);
}
