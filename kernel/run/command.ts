/** `tunelab run`: executes a notebook with its progress on the terminal and tells how it ended. */
import { resolve } from "node:path";
import { runNotebook, writeHtml } from "../run.js";
import type { CellFailure } from "./events.js";
import { Progress } from "./progress.js";

export interface RunCommandOptions {
  output?: string;
  html?: string | true;
  cwd?: string;
  kernel?: string;
}

/** The exit code: that of `runNotebook`. */
export async function runCommand(notebook: string, { html, ...options }: RunCommandOptions): Promise<number> {
  const progress = new Progress(process.stdout);
  const start = performance.now();
  const outcome = await runNotebook({ ...options, notebook, onEvent: (event) => progress.handle(event) });
  progress.close();
  if (outcome.failure !== undefined) console.error(failureText(outcome.failure));
  if (outcome.fatal !== undefined) console.error(outcome.fatal);
  if (outcome.code === 130) console.error("Stopped.");
  console.log(`${outcome.output} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  if (html !== undefined) {
    const page = resolve(html === true ? outcome.output.replace(/(\.ipynb)?$/, ".html") : html);
    await writeHtml(outcome.output, page);
    console.log(page);
  }
  return outcome.code;
}

/** The failing cell, its source and its error. */
export function failureText({ number, heading, source, traceback, ename, evalue }: CellFailure): string {
  const place = heading === "" ? `Cell ${number}` : `Cell ${number}, in "${heading}",`;
  const error = traceback.length > 0 ? traceback.join("\n") : `${ename}: ${evalue}`;
  const code = source.split("\n").map((line) => `  | ${line}`);
  return `\n${place} failed:\n${code.join("\n")}\n\n${error}\n`;
}
