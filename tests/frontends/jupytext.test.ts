import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readNotebook } from "../../kernel/export/notebook.js";
import { Desk, fixture } from "./jupyter.js";

describe("jupytext", function () {
  this.timeout(120_000);
  let desk: Desk;
  before(() => {
    desk = new Desk();
  });
  after(() => desk.clear());

  it("pairs a notebook with a .ts file, in which it can be edited", async () => {
    const notebook = join(desk.folder, "counting.ipynb");
    const script = join(desk.folder, "counting.ts");
    copyFileSync(fixture("counting"), notebook);
    const before = readNotebook(notebook);
    const { code, stderr } = await desk.run("jupytext", ["--set-formats", "ipynb,ts:percent", notebook]);
    assert.equal(code, 0, stderr);
    const text = readFileSync(script, "utf8");
    assert.match(text, /^\/\/ +kernelspec:\n\/\/ +display_name: TypeScript \(tunelab\)\n\/\/ +language: typescript\n/m);
    assert.match(text, /^\/\/ %% \[markdown\]\n\/\/ # Counting$/m);
    writeFileSync(script, `${text.replace("{ n: 2 }", "{ n: 3 }")}\n// %%\n%%time\nrows.length\n`);
    assert.equal((await desk.run("jupytext", ["--sync", script])).code, 0);
    const after = readNotebook(notebook);
    assert.deepEqual(
      after.map(({ source }) => source),
      [...before.map(({ source }) => source.replace("{ n: 2 }", "{ n: 3 }")), "%%time\nrows.length"],
    );
    const { metadata } = JSON.parse(readFileSync(notebook, "utf8")) as { metadata: { kernelspec: object } };
    assert.deepEqual(metadata.kernelspec, {
      display_name: "TypeScript (tunelab)",
      language: "typescript",
      name: "tunelab",
    });
  });
});
