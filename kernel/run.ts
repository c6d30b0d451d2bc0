/** Executes a notebook by nbclient in the kernel, as JupyterLab would, and optionally writes it as HTML. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fail } from "../lib/errors.js";
import { packageRoot } from "../lib/packageRoot.js";
import { readNotebook } from "./export/notebook.js";
import type { CellFailure, NotebookEvent } from "./run/events.js";

export interface RunOptions {
  /** The notebook to execute. */
  notebook: string;
  /** Where the executed notebook goes. Defaults to the notebook itself. */
  output?: string;
  /** Working folder of the kernel. Defaults to the notebook's own folder. */
  cwd?: string;
  /** Name of the kernelspec. Defaults to "tunelab". */
  kernel?: string;
  /** Called with everything that happens. */
  onEvent?: (event: NotebookEvent) => void;
}

export interface RunOutcome {
  /** 0 all cells ran, 1 a cell failed, 2 the kernel did not start or died, 130 interrupted. */
  code: number;
  /** Where the executed notebook lies, failed or not. */
  output: string;
  failure?: CellFailure;
  /** What went wrong when it was no cell. */
  fatal?: string;
}

const scripts = join(packageRoot, "environment", "notebook");

export async function runNotebook(options: RunOptions): Promise<RunOutcome> {
  const notebook = resolve(options.notebook);
  if (!existsSync(notebook)) fail(`There is no notebook ${notebook}.`);
  // A broken file is told in one sentence before anything starts.
  readNotebook(notebook);
  const output = resolve(options.output ?? notebook);
  const folder = resolve(options.cwd ?? dirname(notebook));
  const outcome: RunOutcome = { code: 0, output };
  const kernel = options.kernel ?? "tunelab";
  const args = [join(scripts, "execute.py"), notebook, output, "--kernel", kernel, "--folder", folder];
  const stderr: string[] = [];
  outcome.code = await python(args, {
    onLine(line) {
      const event = JSON.parse(line) as NotebookEvent;
      if (event.event === "error") {
        const { event: _, ...failure } = event;
        outcome.failure = failure;
      }
      if (event.event === "fatal") outcome.fatal = event.message;
      options.onEvent?.(event);
    },
    onError: (line) => stderr.push(line),
  });
  // nbclient's own words matter only when it failed without an event of ours.
  if (outcome.code !== 0 && outcome.code !== 130 && outcome.failure === undefined) {
    outcome.fatal ??= stderr.slice(-10).join("\n");
  }
  return outcome;
}

/** Writes an executed notebook as one HTML file that opens offline, charts included. */
export async function writeHtml(notebook: string, output: string): Promise<void> {
  const plotly = createRequire(import.meta.url).resolve("plotly.js-dist-min");
  mkdirSync(dirname(resolve(output)), { recursive: true });
  const stderr: string[] = [];
  const args = [join(scripts, "to_page.py"), resolve(notebook), resolve(output), "--plotly", plotly];
  const code = await python(args, { onError: (line) => stderr.push(line) });
  if (code !== 0) fail(`${output} could not be written.`, { hint: stderr.slice(-5).join("\n") });
}

/** Runs the Python of the checkout's own environment. */
async function python(
  args: string[],
  { onLine, onError }: { onLine?: (line: string) => void; onError?: (line: string) => void },
): Promise<number> {
  const windows = process.platform === "win32";
  const program = join(packageRoot, ".venv", windows ? "Scripts/python.exe" : "bin/python");
  if (!existsSync(program)) {
    fail("The Python environment .venv is missing; nbclient in it executes notebooks.", {
      hint: "Run `npm run setup`.",
    });
  }
  // The kernelspec of this checkout, not one of the same name in the user's folder.
  const env = { ...process.env, JUPYTER_PREFER_ENV_PATH: "1", PYTHONUTF8: "1" };
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env });
  // The terminal sends Ctrl-C to the child too, which lets the running cell end and saves the notebook.
  const wait = () => undefined;
  const pass = () => child.kill("SIGTERM");
  process.on("SIGINT", wait).on("SIGTERM", pass);
  const ended = new Promise<number>((done, failed) => {
    child.once("error", failed);
    child.once("close", (code, signal) => done(signal === "SIGINT" ? 130 : (code ?? 1)));
  });
  createInterface({ input: child.stdout }).on("line", (line) => onLine?.(line));
  createInterface({ input: child.stderr }).on("line", (line) => onError?.(line));
  try {
    return await ended;
  } finally {
    process.off("SIGINT", wait).off("SIGTERM", pass);
  }
}
