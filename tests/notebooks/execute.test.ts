/** Every notebook of the repository runs in the kernel, and as the script that it exports to. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
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
    const source = join(root, "notebooks", notebook);
    const env = { ...process.env, TUNELAB_PROFILE: "embedded" };
    let folder: string;
    let profile: string | undefined;

    before(() => {
      mkdirSync(join(root, "build"), { recursive: true });
      folder = mkdtempSync(join(root, "build", "notebook-"));
      profile = process.env.TUNELAB_PROFILE;
      process.env.TUNELAB_PROFILE = "embedded";
    });
    after(() => {
      if (profile === undefined) delete process.env.TUNELAB_PROFILE;
      else process.env.TUNELAB_PROFILE = profile;
      rmSync(folder, { recursive: true, force: true });
    });

    it("executes in the kernel without an error", async () => {
      const output = join(folder, basename(notebook));
      const outcome = await runNotebook({ notebook: source, output, cwd: dirname(output) });
      const said = outcome.failure === undefined ? outcome.fatal : failureText(outcome.failure);
      assert.equal(outcome.code, 0, said);
    });

    it("runs as a script", async () => {
      const script = await exportNotebook(source, join(folder, `${basename(notebook, ".ipynb")}.ts`));
      const tsx = join(root, "node_modules", "tsx", "dist", "cli.mjs");
      const { status, stderr } = spawnSync(process.execPath, [tsx, script], { encoding: "utf8", cwd: folder, env });
      assert.equal(status, 0, stderr.slice(-4000));
    });
  });
}
