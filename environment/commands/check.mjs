/** Types, format, lint and unused code; all are run, so that one look shows everything. */
import { inRoot } from "../paths.mjs";
import { openly } from "../shell.mjs";
import { runStages } from "../stage.mjs";
import { checkNode } from "../stages/node.mjs";
import { packages } from "../stages/packages.mjs";
import { elapsed, say } from "../terminal.mjs";

/** @type {[string, string[]][]} */
const checks = [
  ["types", ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json"]],
  ["format and lint", ["node_modules/@biomejs/biome/bin/biome", "check"]],
  ["unused code", ["node_modules/knip/bin/knip.js"]],
];

export async function run() {
  checkNode();
  await runStages([packages]);
  const failed = [];
  for (const [name, [script = "", ...args]] of checks) {
    const since = performance.now();
    const code = await openly(process.execPath, [inRoot(script), ...args]);
    say(`${code === 0 ? "clean" : "FAILED"}: ${name} (${elapsed(since)})`);
    if (code !== 0) failed.push(name);
  }
  return failed.length === 0 ? 0 : 1;
}
