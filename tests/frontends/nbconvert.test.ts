import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
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
      "let n = 2;\nconsole.log(n);",
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

  it("gives the script of `tunelab export`", async function () {
    this.timeout(120_000);
    const { code, stderr } = await desk.run("jupyter-nbconvert", ["--to", "script", "done.ipynb"]);
    assert.equal(code, 0, stderr);
    assert.match(readFileSync(join(desk.folder, "done.ts"), "utf8"), /from "tunelab\/script";[\s\S]*let n;\nn = 1;/);
  });
});
