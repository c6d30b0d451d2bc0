import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "../../environment/paths.mjs";
import { describeInBrowser } from "../browser/chromium.js";
import { Desk } from "./jupyter.js";

describeInBrowser("nbconvert", (open) => {
  let desk: Desk;
  before(async function () {
    this.timeout(180_000);
    desk = new Desk();
    desk.write(
      "in.ipynb",
      'plot.line({ y: [3, 1, 2], title: "Loss" })',
      "let n = 1;\nn",
      "let n = await Promise.resolve(2);\nconsole.log(n);",
    );
    const { code, stderr } = await desk.run("jupyter-execute", ["in.ipynb", "--output=done.ipynb"]);
    assert.equal(code, 0, stderr);
  });
  after(() => desk.clear());

  it("gives HTML whose charts are pictures, on paper too, without a network and without scripts", async function () {
    this.timeout(120_000);
    const { code, stderr } = await desk.run("jupyter-nbconvert", ["--to", "html", "done.ipynb"]);
    assert.equal(code, 0, stderr);
    const browser = await open();
    try {
      const context = await browser.newContext({ offline: true, javaScriptEnabled: false });
      const page = await context.newPage();
      await page.goto(pathToFileURL(join(desk.folder, "done.html")).href, { waitUntil: "domcontentloaded" });
      // What `--to webpdf` does with the page.
      await page.emulateMedia({ media: "print" });
      await page.getByAltText("Loss (3 points)").waitFor();
      assert.equal(await page.evaluate("document.querySelector('img[alt^=Loss]').naturalWidth"), 860);
    } finally {
      await browser.close();
    }
  });

  it("gives the script of `tunelab export`, which runs where tunelab is installed", async function () {
    this.timeout(120_000);
    const { code, stderr } = await desk.run("jupyter-nbconvert", ["--to", "script", "done.ipynb"]);
    assert.equal(code, 0, stderr);
    const script = join(desk.folder, "done.mts");
    assert.match(
      readFileSync(script, "utf8"),
      /^\/\/ Runs with `npx tsx`, in a folder where `npm install \S+` was run\.$/m,
    );
    // What npm makes of a folder's name.
    mkdirSync(join(desk.folder, "node_modules"));
    symlinkSync(root, join(desk.folder, "node_modules", "tunelab"));
    const tsx = join(root, "node_modules", "tsx", "dist", "cli.mjs");
    const { stdout } = spawnSync(process.execPath, [tsx, script], { encoding: "utf8", cwd: desk.folder });
    assert.equal(stdout, `Loss (3 points)\nChart: ${join(desk.folder, "done-chart-1.svg")}\n1\n2\n`);
  });
});
