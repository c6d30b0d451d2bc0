/** The Jupyter project's own clients: Python, and a folder in which it finds the built kernel. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { packageRoot } from "../../kernel/preload.js";
import { kernelSpec } from "../../kernel/spec.js";
import { KERNEL_ENTRY } from "./client.js";

const run = promisify(execFile);
export const KERNEL_NAME = "tunelab-under-test";

/** A new folder for JUPYTER_PATH, with the kernel in it. */
export function jupyterData(): string {
  const data = mkdtempSync(join(tmpdir(), "tunelab-jupyter-"));
  const directory = join(data, "kernels", KERNEL_NAME);
  mkdirSync(directory, { recursive: true });
  const spec = { ...kernelSpec("under test"), argv: [process.execPath, KERNEL_ENTRY, "{connection_file}"] };
  writeFileSync(join(directory, "kernel.json"), JSON.stringify(spec));
  return data;
}

/** Runs a script of this folder in the repository's Python environment, or in the one that TUNELAB_PYTHON names. */
export async function runPython(
  script: string,
  options: { data: string; cwd?: string; args?: readonly string[] },
): Promise<{ stdout: string; stderr: string }> {
  const python = process.env.TUNELAB_PYTHON ?? join(packageRoot, ".venv/bin/python");
  assert.ok(existsSync(python), `No Python environment at ${python}: run npm run setup.`);
  return await run(python, [fileURLToPath(new URL(script, import.meta.url)), ...(options.args ?? [])], {
    cwd: options.cwd ?? options.data,
    env: { ...process.env, JUPYTER_PATH: options.data, KERNEL_NAME, TUNELAB_PRELOAD: "" },
  });
}
