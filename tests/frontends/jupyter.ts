/** Programs of .frontends-venv, a Jupyter as people have their own: the kernel was installed into it, and the companion. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { frontEndsVenv, programOf } from "../../environment/paths.mjs";

export const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/notebooks/${name}.ipynb`, import.meta.url));

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A code cell's source; with tags, an array of it and them. */
type Source = string | [source: string, ...tags: string[]];

/** The text of a notebook of the kernel, not executed. */
export function notebookOf(...sources: Source[]): string {
  const cells = sources.map((given, index) => {
    const [source, ...tags] = typeof given === "string" ? [given] : given;
    return { cell_type: "code", id: `c${index}`, source, metadata: { tags }, outputs: [], execution_count: null };
  });
  const metadata = {
    kernelspec: { name: "tunelab", display_name: "TypeScript (tunelab)", language: "typescript" },
    language_info: { name: "typescript" },
  };
  return JSON.stringify({ cells, metadata, nbformat: 4, nbformat_minor: 5 });
}

/** A folder for one test, with a home in it that has nobody's settings. */
export class Desk {
  readonly folder = mkdtempSync(join(tmpdir(), "desk-"));

  /** Runs a program of the environment in the folder. */
  run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    const child: ChildProcess = spawn(programOf(frontEndsVenv, program), args, {
      cwd: this.folder,
      env: { ...process.env, HOME: this.folder, JUPYTER_PREFER_ENV_PATH: "1", PYTHONUTF8: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve({ code, stdout, stderr }));
    });
  }

  /** Writes a notebook and gives its path. */
  write(name: string, ...cells: Source[]): string {
    const path = join(this.folder, name);
    writeFileSync(path, notebookOf(...cells));
    return path;
  }

  clear(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
