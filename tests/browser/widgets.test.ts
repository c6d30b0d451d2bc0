import assert from "node:assert/strict";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { describeInBrowser } from "./chromium.js";
import { type JupyterLab, patience, screenshots, startLab } from "./jupyterLab.js";

describeInBrowser("widgets in JupyterLab", (open) => {
  let lab: JupyterLab;
  let browser: Browser;

  before(async function () {
    this.timeout(patience);
    lab = await startLab("widgets.ipynb", "stopButton.ipynb");
    browser = await open();
  });

  after(async function () {
    this.timeout(patience);
    await browser?.close();
    await lab?.stop();
  });

  it("are drawn, send a slider's value, and stop a running cell by a button", async function () {
    this.timeout(patience);
    const page = await browser.newPage({ viewport: { width: 1200, height: 1100 } });
    page.setDefaultTimeout(patience);
    await page.goto(`${lab.url}/lab/tree/widgets.ipynb`);
    await page.locator(".jp-Toolbar-kernelName", { hasText: "TypeScript (tunelab)" }).first().waitFor();
    await page.getByRole("menuitem", { name: "Run", exact: true }).click();
    await page.getByRole("menuitem", { name: "Run All Cells", exact: true }).click();
    const button = page.locator(".jp-OutputArea button.widget-button", { hasText: "Stop" });
    await button.waitFor();
    // The progress bar moves: the second cell runs.
    const bar = page.locator(".widget-hprogress .progress-bar");
    const before = await bar.getAttribute("style");
    const style = `document.querySelector(".widget-hprogress .progress-bar").getAttribute("style")`;
    await page.waitForFunction(`${style} !== ${JSON.stringify(before)}`);
    const handle = page.locator(".widget-hslider .noUi-handle").first();
    await handle.focus();
    for (let press = 0; press < 4; press++) await page.keyboard.press("ArrowRight");
    await page.locator(".widget-hslider .widget-readout", { hasText: "12" }).waitFor();
    await page.locator(".widget-text input").fill("second");
    await page.locator(".widget-dropdown select").selectOption("adamw_torch");
    await button.click();
    const output = page.locator(".jp-OutputArea-output", { hasText: "Stopped: rank 12, run second, adamw_torch." });
    await output.first().waitFor();
    await page.locator(".jp-OutputArea-output", { hasText: "Stop was pressed." }).first().waitFor();
    await page.screenshot({ path: join(screenshots, "widgets.png") });
    assert.equal(await page.locator(".jp-OutputArea-output", { hasText: "Error" }).count(), 0);
  });

  it("stop a training that runs, after which the notebook goes on", async function () {
    this.timeout(patience);
    const page = await browser.newPage({ viewport: { width: 1200, height: 1000 } });
    page.setDefaultTimeout(patience);
    // Without the notebook of the test before, which JupyterLab would open again beside this one.
    await page.goto(`${lab.url}/lab/tree/stopButton.ipynb?reset`);
    await page.locator(".jp-Toolbar-kernelName", { hasText: "TypeScript (tunelab)" }).first().waitFor();
    await page.getByRole("menuitem", { name: "Run", exact: true }).click();
    await page.getByRole("menuitem", { name: "Run All Cells", exact: true }).click();
    const button = page.locator(".jp-OutputArea button.widget-button", { hasText: "Stop" });
    await button.waitFor();
    // The chart of the training is there.
    await page.locator(".jp-OutputArea-output img").first().waitFor();
    await button.click();
    await page.locator(".jp-OutputArea-output", { hasText: "ended early" }).first().waitFor();
    const after = page.locator(".jp-OutputArea-output", { hasText: /goes on after \d+ steps with rank 8/ });
    await after.first().waitFor();
    await page.screenshot({ path: join(screenshots, "stopButton.png") });
    assert.equal(await page.locator(".jp-OutputArea-output", { hasText: "Error" }).count(), 0);
  });
});
