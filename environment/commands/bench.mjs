/** The benchmarks, each in a process of its own so that none warms up the next. */
import { readdirSync } from "node:fs";
import { hasFile, inRoot } from "../paths.mjs";
import { Problem } from "../problem.mjs";
import { setUp } from "../setup.mjs";
import { openly } from "../shell.mjs";
import { say } from "../terminal.mjs";

/** Those that need nothing of .peers-venv, which is large. */
const withoutPyTorch = new Set(["kernel.ts"]);

/**
 * @param {string[]} args words of which one must be in a benchmark's name; none runs them all. What comes behind
 * a file's whole name goes to it: rows that kernel.ts is to measure, as in `npm run bench:kernel -- "10 MB"`.
 */
export async function run(args) {
  const all = hasFile("tests/bench") ? readdirSync(inRoot("tests/bench")).filter((file) => file.endsWith(".ts")) : [];
  const [first = "", ...rest] = args;
  const whole = all.includes(first);
  const words = whole ? [first] : args;
  const chosen = words.length === 0 ? all : all.filter((file) => words.some((word) => file.includes(word)));
  if (chosen.length === 0) throw new Problem("No benchmark chosen.", `There are: ${all.join(", ") || "none"}.`);
  await setUp({ withPeers: chosen.some((file) => !withoutPyTorch.has(file)) });
  let worst = 0;
  for (const file of chosen.sort()) {
    say(`\n${file}`);
    const command = ["--import=tsx", inRoot(`tests/bench/${file}`), ...(whole ? rest : [])];
    worst = Math.max(worst, await openly(process.execPath, command));
  }
  return worst;
}
