import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Desk } from "./jupyter.js";

interface Executed {
  cells: { source: string | string[]; metadata: { tags: string[] }; outputs: { data?: Record<string, unknown> }[] }[];
}

describe("papermill", function () {
  this.timeout(180_000);
  let desk: Desk;
  let notebook: string;
  before(() => {
    desk = new Desk();
    notebook = desk.write(
      "in.ipynb",
      [
        "const maxSteps: number = 60; // updates in all\n" +
          'let optim: "adamw_8bit" | "adamw_torch" = "adamw_8bit";\n' +
          'const note = "see https://example.org"; // where\n' +
          "export let ranks = [8, 16];",
        "parameters",
      ],
      "const args = new TrainingArguments({ maxSteps, optim });\n[args.maxSteps, args.optim, note, ranks, extra]",
    );
  });
  after(() => desk.clear());

  it("tells a notebook's parameters", async () => {
    const { stdout } = await desk.run("papermill", ["--help-notebook", notebook]);
    assert.match(stdout, /maxSteps: number \(default 60\)\s+updates in all/);
    assert.match(stdout, /optim: "adamw_8bit" \| "adamw_torch" \(default "adamw_8bit"\)/);
    assert.match(stdout, /note: Unknown type \(default "see https:\/\/example\.org"\)\s+where/);
  });

  it("sets them as the notebook declares them, and executes it", async () => {
    const values = { ranks: [1, 2.5, true], extra: { a: null, "b-c": 'say "`x`" \\ ü' } };
    const words = ["-p", "maxSteps", "30", "-p", "optim", "adamw_torch", "-y", JSON.stringify(values)];
    const { code, stderr } = await desk.run("papermill", [notebook, "out.ipynb", ...words]);
    assert.equal(code, 0, stderr);
    const { cells } = JSON.parse(readFileSync(join(desk.folder, "out.ipynb"), "utf8")) as Executed;
    const injected = cells.find(({ metadata }) => metadata.tags.includes("injected-parameters"));
    assert.deepEqual([injected?.source].flat().join("").trim().split("\n").sort(), [
      "// Parameters",
      "const maxSteps: number = 30;",
      "export let ranks = [1, 2.5, true];",
      'let extra = { "a": null, "b-c": "say \\"`x`\\" \\\\ ü" };',
      'let optim: "adamw_8bit" | "adamw_torch" = "adamw_torch";',
    ]);
    const shown = String(cells.at(-1)?.outputs[0]?.data?.["text/plain"]);
    for (const part of ["30", "'adamw_torch'", "'see https://example.org'", "[ 1, 2.5, true ]", '\'say "`x`"']) {
      assert.ok(shown.includes(part), `${part} in ${shown}`);
    }
  });

  it("is stopped by a value that the notebook's types do not allow", async () => {
    const { code, stderr } = await desk.run("papermill", [notebook, "out.ipynb", "-p", "optim", "sgd"]);
    assert.notEqual(code, 0);
    assert.match(stderr, /Type '"sgd"' is not assignable to type '"adamw_8bit" \| "adamw_torch"'/);
  });
});
