/** npm packages, exactly as package-lock.json names them. */
import { readFileSync, rmSync } from "node:fs";
import { hasFile, inRoot } from "../paths.mjs";
import { npm, quietly } from "../shell.mjs";
import { digest } from "../stage.mjs";

/** @typedef {Record<string, { version?: string, optional?: boolean, link?: boolean }>} LockedPackages */

/** @type {import("../stage.mjs").Stage} */
export const packages = {
  name: "packages",
  what: "npm packages from package-lock.json",
  fingerprint: () => digest({ words: [process.platform, process.arch], paths: ["package.json", "package-lock.json"] }),
  present: () => hasFile("node_modules/.package-lock.json"),
  async run() {
    const whole = hasFile("node_modules/.package-lock.json");
    if (whole && installed()) return undefined;
    // npm writes that file last: without it an earlier run was interrupted, and packages may be half there.
    if (!whole) rmSync(inRoot("node_modules"), { recursive: true, force: true });
    // Not `npm ci`: it empties a good node_modules, and refuses a lockfile made where the registry had no builds of
    // the optional packages of other systems. `--no-save` leaves the lockfile as it is.
    const [program, args] = npm(["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"]);
    // `npm --silent start` would silence this npm too, and with it the reason of a failure.
    const env = { ...process.env, npm_config_loglevel: "notice" };
    await quietly("Installing the npm packages", program, args, { log: "packages", env });
    return undefined;
  },
};

/** Whether node_modules holds the locked version of every package that belongs on this machine. */
function installed() {
  return satisfied(lockedIn(inRoot("package-lock.json")), lockedIn(inRoot("node_modules/.package-lock.json")));
}

/**
 * @param {LockedPackages} wanted
 * @param {LockedPackages} found
 */
export function satisfied(wanted, found) {
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === "") return true;
    const there = found[path];
    return there === undefined ? optional === true : there.version === version;
  });
}

/**
 * @param {string} file
 * @returns {LockedPackages}
 */
const lockedIn = (file) => JSON.parse(readFileSync(file, "utf8")).packages;
