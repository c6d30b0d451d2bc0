import { join } from "node:path";
import type { Browser } from "playwright-core";
import { describeInBrowser } from "./chromium.js";
import { type JupyterLab, patience, screenshots, startLab } from "./jupyterLab.js";

describeInBrowser("the debugger in JupyterLab", (open) => {
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

  it("stops at a breakpoint of a cell, shows its variables and goes on", async function () {
    this.timeout(patience);
    const page = await browser.newPage({ viewport: { width: 1500, height: 900 } });
    page.setDefaultTimeout(patience);
    await page.goto(`${lab.url}/lab/tree/counting.ipynb`);
    await page.locator(".jp-Toolbar-kernelName", { hasText: "TypeScript (tunelab)" }).first().waitFor();
    const bug = page.locator('[data-jp-item-name="debugger-icon"] jp-button');
    await page.locator('[data-jp-item-name="debugger-icon"] jp-button:not([aria-disabled="true"])').waitFor();
    // The kernel has started for good once a cell has run; a session that begins earlier takes its time, and JupyterLab
    // drops what is clicked meanwhile.
    await page.locator(".jp-CodeCell").first().click();
    await page.keyboard.press("Control+Enter");
    await page.locator(".jp-CodeCell .jp-InputPrompt", { hasText: "[1]:" }).first().waitFor();
    await bug.click();
    await page.locator('[data-jp-item-name="debugger-icon"] jp-button[aria-pressed="true"]').waitFor();
    await page.waitForTimeout(3000);
    const cell = page.locator(".jp-CodeCell", { hasText: "const { length } = rows" });
    await cell.locator(".cm-breakpoint-gutter .cm-gutterElement").nth(1).click();
    await cell.locator(".cm-breakpoint-icon").first().waitFor({ state: "attached" });
    await page.getByRole("menuitem", { name: "Run", exact: true }).click();
    await page.getByRole("menuitem", { name: "Run All Cells", exact: true }).click();
    await cell.locator(".jp-DebuggerEditor-highlight").first().waitFor();
    await page.locator(".jp-DebuggerVariables-body", { hasText: "length" }).first().waitFor();
    await page.screenshot({ path: join(screenshots, "debugger.png") });
    await page.keyboard.press("F9");
    await page.locator(".jp-OutputArea-output", { hasText: "total 7" }).first().waitFor();
  });
});
