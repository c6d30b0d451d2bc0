/** Where things lie in the checkout; every path that the set-up makes or reads is named here. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const stamps = join(root, "build", "stamps");
export const logs = join(root, "build", "logs");
export const venv = join(root, ".venv");
export const peersVenv = join(root, ".peers-venv");
export const frontEndsVenv = join(root, ".frontends-venv");
export const cli = join(root, "dist", "kernel", "cli.js");

const windows = process.platform === "win32";

/**
 * A program of a Python environment.
 * @param {string} environment folder of the environment
 * @param {string} program its name, for example "python"
 */
export function programOf(environment, program) {
  return windows ? join(environment, "Scripts", `${program}.exe`) : join(environment, "bin", program);
}

/** @param {string} path relative to the checkout */
export const inRoot = (path) => join(root, path);

/** @param {string} path relative to the checkout */
export const hasFile = (path) => existsSync(inRoot(path));
