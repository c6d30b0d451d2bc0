/** Every notebook of the repository runs in the kernel, and as the script that it exports to. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
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

interface Executed {
  cells: { outputs?: { text?: string | string[]; data?: Record<string, string | string[]> }[] }[];
}

/** The texts that an executed notebook shows, or what it has of another type. */
function* textsOf(notebook: string, type = "text/plain"): Generator<string> {
  const { cells } = JSON.parse(readFileSync(notebook, "utf8")) as Executed;
  for (const { text, data } of cells.flatMap(({ outputs = [] }) => outputs)) {
    if (text !== undefined && type === "text/plain") yield [text].flat().join("");
    if (data?.[type] !== undefined) yield [data[type]].flat().join("");
  }
}

/** Lines without their figures, which differ from run to run, and with them the widths of columns. */
function lines(text: string): string[] {
  const plain = text
    .replaceAll(/[\d.,]+(?:e[-+]?\d+)?/g, "#")
    .replaceAll(/-{3,}/g, "---")
    .replaceAll(/[^\S\n]+/g, " ");
  // What a training says of its progress is a chart in one and lines in the other.
  return plain.split("\n").filter((line) => !line.startsWith("Training: "));
}

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

    it("runs as a script, which prints what the notebook shows", async () => {
      const script = await exportNotebook(copy, join(folder, "outputs", `${basename(notebook, ".ipynb")}.ts`));
      const tsx = join(root, "node_modules", "tsx", "dist", "cli.mjs");
      const options = { encoding: "utf8", cwd: folder, env, maxBuffer: 2 ** 26 } as const;
      const { status, stdout, stderr } = spawnSync(process.execPath, [tsx, script], options);
      assert.equal(status, 0, stderr.slice(-4000));
      const printed = new Set(lines(stdout));
      for (const text of textsOf(copy)) {
        for (const line of lines(text)) assert.ok(printed.has(line), `${line}\nis not in\n${[...printed].join("\n")}`);
      }
      const charts = readdirSync(join(folder, "outputs")).filter((name) => name.endsWith(".svg"));
      assert.equal(charts.length, [...textsOf(copy, "text/html")].filter((html) => html.includes("<img")).length);
    });
  });
}
