import assert from "node:assert/strict";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { describeInBrowser } from "./chromium.js";
import { type JupyterLab, patience, screenshots, startLab } from "./jupyterLab.js";

describeInBrowser("a notebook in JupyterLab", (open) => {
  let lab: JupyterLab;
  let browser: Browser;

  before(async function () {
    this.timeout(patience);
    lab = await startLab("counting.ipynb");
    browser = await open();
  });

  after(async function () {
    this.timeout(patience);
    await browser?.close();
    await lab?.stop();
  });

  it("runs in the kernel it names, and draws its chart", async function () {
    this.timeout(patience);
    const page = await browser.newPage({ viewport: { width: 1200, height: 1500 } });
    page.setDefaultTimeout(patience);
    await page.goto(`${lab.url}/lab/tree/counting.ipynb`);
    await page.locator(".jp-Toolbar-kernelName", { hasText: "TypeScript (tunelab)" }).first().waitFor();
    await page.getByRole("menuitem", { name: "Run", exact: true }).click();
    await page.getByRole("menuitem", { name: "Run All Cells", exact: true }).click();
    await page.locator(".jp-OutputArea .js-plotly-plot .main-svg").first().waitFor();
    const outputs = await page.locator(".jp-OutputArea-child").allInnerTexts();
    const text = outputs.join("\n");
    for (const expected of ["2", "3", "total 7", "<TOTAL 7>"])
      assert.ok(text.includes(expected), `${expected} in ${text}`);
    await page.screenshot({ path: join(screenshots, "lab.png") });
  });
});
