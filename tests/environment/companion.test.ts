/** What JupyterLab's File > Save and Export Notebook As > Executable Script gives, through nbconvert as it asks for it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { programOf, venv } from "../../environment/paths.mjs";

const main = fileURLToPath(new URL("../../dist/kernel/main.cjs", import.meta.url));

describe("saving a notebook as a script", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "tunelab-exporter-"));
    for (const [kernel, argv] of [
      ["mine", [process.execPath, main, "{connection_file}"]],
      ["other", ["other-kernel", "{connection_file}"]],
    ] as const) {
      mkdirSync(join(folder, "kernels", kernel), { recursive: true });
      const spec = { argv, display_name: kernel, language: "typescript" };
      writeFileSync(join(folder, "kernels", kernel, "kernel.json"), JSON.stringify(spec));
    }
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const save = (kernel: string, ...sources: string[]) => {
    const cells = sources.map((source, id) => ({
      cell_type: "code",
      id: `c${id}`,
      source,
      metadata: {},
      outputs: [],
      execution_count: null,
    }));
    const metadata = {
      kernelspec: { name: kernel, display_name: kernel },
      language_info: { name: "typescript", file_extension: ".ts", nbconvert_exporter: "script" },
    };
    const path = join(folder, "notebook.ipynb");
    writeFileSync(path, JSON.stringify({ cells, metadata, nbformat: 4, nbformat_minor: 5 }));
    return spawnSync(programOf(venv, "python"), ["-m", "nbconvert", "--to", "script", "--stdout", path], {
      encoding: "utf8",
      env: { ...process.env, JUPYTER_PATH: folder },
    });
  };

  it("gives what `tunelab export` writes, whatever the kernel's name", () => {
    const { stdout, stderr, status } = save("mine", "const a = 1;", "%%time\nconst a = 'x';\na");
    assert.equal(status, 0, stderr);
    assert.match(
      stdout,
      /^\/\/ Runs with `npx tsx`, in a folder where `npm install .*` was run\.\n\nimport \{ display \} from "tunelab\/script";/,
    );
    assert.match(stdout, /let a;\na = 1;/);
    assert.match(stdout, /console\.timeEnd/);
  });

  it("says why a notebook cannot become a script", () => {
    const { stderr, status } = save("mine", "comms.register('mine', () => {});");
    assert.notEqual(status, 0);
    assert.match(stderr, /"comms", which works in a notebook only/);
  });

  it("leaves notebooks of other kernels as they were", () => {
    for (const kernel of ["other", "missing"]) {
      const { stdout, stderr, status } = save(kernel, "const a = 1;", "const a = 2;");
      assert.equal(status, 0, stderr);
      assert.match(stdout, /const a = 1;\s+const a = 2;/);
    }
  });
});
