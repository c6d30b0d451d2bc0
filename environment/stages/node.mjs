/** The Node version, checked first and without anything installed. */
import { readFileSync } from "node:fs";
import { inRoot } from "../paths.mjs";
import { Problem } from "../problem.mjs";

/**
 * @param {string} [version] of the running Node
 * @param {string} [wanted] the range of package.json, of the form ">=major.minor"
 */
export function checkNode(version = process.versions.node, wanted = enginesNode()) {
  const [major, minor] = numbers(version);
  const [leastMajor, leastMinor] = numbers(wanted);
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return;
  throw new Problem(
    `Node ${version} is too old: tunelab needs ${leastMajor}.${leastMinor} or newer.`,
    "Install a current LTS release of Node and run the same command again.",
  );
}

const enginesNode = () => JSON.parse(readFileSync(inRoot("package.json"), "utf8")).engines.node;

/**
 * @param {string} text
 * @returns {[number, number]}
 */
function numbers(text) {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(text) ?? [];
  return [Number(major), Number(minor)];
}
