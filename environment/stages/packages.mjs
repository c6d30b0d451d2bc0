/** npm packages, exactly as package-lock.json names them. */
import { existsSync, readFileSync } from "node:fs";
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
    if (installed()) return undefined;
    // `npm ci` empties node_modules first: right for a new or an interrupted one, wasteful for a good one.
    const command = hasFile("node_modules/.package-lock.json") ? "install" : "ci";
    const [program, args] = npm([command, "--ignore-scripts", "--no-audit", "--no-fund"]);
    await quietly("Installing the npm packages", program, args, { log: "packages" });
    return undefined;
  },
};

/** Whether node_modules holds the locked version of every package that belongs on this machine. */
function installed() {
  const hidden = inRoot("node_modules/.package-lock.json");
  if (!existsSync(hidden)) return false;
  return satisfied(lockedIn(inRoot("package-lock.json")), lockedIn(hidden));
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
