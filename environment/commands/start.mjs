/** The main job: the article's notebook executed in the kernel, its results and where they lie. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cli, root } from "../paths.mjs";
import { Problem } from "../problem.mjs";
import { setUp } from "../setup.mjs";
import { openly } from "../shell.mjs";
import { summaryText } from "../summary.mjs";
import { elapsed, say } from "../terminal.mjs";

const summaryFile = join(root, "outputs", "summary.json");

/** @param {string[]} args a notebook other than the article's */
export async function run([notebook = "notebooks/article.ipynb"]) {
  const start = performance.now();
  if (!existsSync(join(root, notebook))) throw new Problem(`There is no notebook ${notebook}.`);
  await setUp();
  say(`\nRunning ${notebook}`);
  rmSync(summaryFile, { force: true });
  const job = performance.now();
  const args = ["run", notebook, "-o", "outputs/article.ipynb", "--html", "outputs/article.html"];
  const code = await openly(process.execPath, [cli, ...args]);
  if (code !== 0) return code;
  const exported = await openly(process.execPath, [cli, "export", notebook, "-o", "outputs/article.ts"]);
  if (exported !== 0) return exported;
  if (!existsSync(summaryFile)) throw new Problem(`${notebook} wrote no outputs/summary.json.`);
  say(`\n${summaryText(JSON.parse(readFileSync(summaryFile, "utf8")), process.stdout.columns || 100)}`);
  say(`\nThe job took ${elapsed(job)}, all in all ${elapsed(start)}.`);
  return 0;
}
