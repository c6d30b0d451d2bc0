/** jupyter_kernel_test and its iopub_welcome test: every test there is, none skipped. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { packageRoot } from "../../kernel/preload.js";
import { KERNEL_ENTRY } from "./client.js";

const run = promisify(execFile);
const SUITE = fileURLToPath(new URL("conformance.py", import.meta.url));

/** The repository's Python environment, or the one that TUNELAB_PYTHON names. */
function python(): string {
  const path = process.env.TUNELAB_PYTHON ?? join(packageRoot, ".venv/bin/python");
  assert.ok(existsSync(path), `No Python environment at ${path}: run npm run setup.`);
  return path;
}

describe("jupyter_kernel_test", () => {
  let data: string;

  before(() => {
    data = mkdtempSync(join(tmpdir(), "tunelab-jupyter-"));
    const directory = join(data, "kernels/tunelab-under-test");
    mkdirSync(directory, { recursive: true });
    const argv = [process.execPath, KERNEL_ENTRY, "{connection_file}"];
    const spec = { argv, display_name: "under test", language: "typescript", interrupt_mode: "message" };
    writeFileSync(join(directory, "kernel.json"), JSON.stringify(spec));
  });
  after(() => rmSync(data, { recursive: true }));

  it("passes", async function () {
    this.timeout(300_000);
    const { stderr } = await run(python(), [SUITE, "-v"], {
      cwd: data,
      env: { ...process.env, JUPYTER_PATH: data, KERNEL_NAME: "tunelab-under-test", TUNELAB_PRELOAD: "" },
    });
    assert.match(stderr, /Ran 13 tests/);
    assert.match(stderr, /\nOK\n$/);
    assert.doesNotMatch(stderr, /skipped/);
  });
});
