/** Where a script lies decides how it runs: by which name it is a module, and whether it finds tunelab. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, extname, join, resolve } from "node:path";
import { packageRoot } from "../../lib/packageRoot.js";

/** Beside the notebook: .ts where that is an ES module, otherwise .mts, which is one everywhere. */
export function defaultOutput(notebook: string): string {
  const extension = holdsModules(dirname(resolve(notebook))) ? ".ts" : ".mts";
  return notebook.replace(/(\.ipynb)?$/, extension);
}

/** A first line for a script that needs more than `npx tsx` where it lies; empty otherwise. */
export function howToRun(text: string, target: string): string {
  const folder = dirname(target);
  const needs = [];
  // tsx takes it for CommonJS, which has no top-level await.
  if (extname(target) === ".ts" && !holdsModules(folder)) needs.push("named .mts");
  if (/^(?:import|\} from) .*"tunelab(?:\/\w+)?";$/m.test(text) && !findsTunelab(folder)) {
    needs.push(`in a folder where \`npm install ${packageRoot}\` was run`);
  }
  return needs.length === 0 ? "" : `// Runs with \`npx tsx\`, ${needs.join(", ")}.\n\n`;
}

/** Whether .ts files in the folder are ES modules: the nearest package.json says so. */
function holdsModules(folder: string): boolean {
  const manifest = join(folder, "package.json");
  if (existsSync(manifest)) return (JSON.parse(readFileSync(manifest, "utf8")) as { type?: string }).type === "module";
  return folder !== dirname(folder) && holdsModules(dirname(folder));
}

function findsTunelab(folder: string): boolean {
  try {
    createRequire(join(folder, "script.ts")).resolve("tunelab/package.json");
    return true;
  } catch {
    return false;
  }
}
