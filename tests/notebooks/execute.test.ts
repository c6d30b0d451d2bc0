/** Every notebook of the repository runs in the kernel, and as the script that it exports to. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { exportNotebook } from "../../kernel/export.js";
import { failureText } from "../../kernel/run/command.js";
import { runNotebook } from "../../kernel/run.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const notebooks = readdirSync(join(root, "notebooks"), { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ipynb") && !path.includes(".ipynb_checkpoints"))
  .filter((path) => !path.split(/[\\/]/).includes("outputs"))
  .sort();

/** A whole fine-tuning, with the machine's other work beside it. */
const patience = 15 * 60_000;

for (const notebook of notebooks) {
  describe(`notebooks/${notebook}`, function () {
    this.timeout(patience);
    const env = { ...process.env, TUNELAB_PROFILE: "embedded" };
    let folder: string;
    let copy: string;
    let profile: string | undefined;

    before(() => {
      mkdirSync(join(root, "build"), { recursive: true });
      folder = mkdtempSync(join(root, "build", "notebook-"));
      copy = join(folder, "notebooks", notebook);
      // A copy with the files beside it: what the notebook writes must not meet the results of somebody's own run.
      const filter = (path: string): boolean => !/[\\/](model|data|outputs)$/.test(path);
      cpSync(join(root, "notebooks"), join(folder, "notebooks"), { recursive: true, filter });
      profile = process.env.TUNELAB_PROFILE;
      process.env.TUNELAB_PROFILE = "embedded";
    });
    after(() => {
      if (profile === undefined) delete process.env.TUNELAB_PROFILE;
      else process.env.TUNELAB_PROFILE = profile;
      rmSync(folder, { recursive: true, force: true });
    });

    it("executes in the kernel without an error", async () => {
      const outcome = await runNotebook({ notebook: copy });
      const said = outcome.failure === undefined ? outcome.fatal : failureText(outcome.failure);
      assert.equal(outcome.code, 0, said);
    });

    it("runs as a script", async () => {
      const script = await exportNotebook(copy, join(folder, "outputs", `${basename(notebook, ".ipynb")}.ts`));
      const tsx = join(root, "node_modules", "tsx", "dist", "cli.mjs");
      const { status, stderr } = spawnSync(process.execPath, [tsx, script], { encoding: "utf8", cwd: folder, env });
      assert.equal(status, 0, stderr.slice(-4000));
    });
  });
}
