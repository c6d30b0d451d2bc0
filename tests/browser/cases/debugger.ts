/** JupyterLab's debugger in a cell of TypeScript. */
import { type FrontEnd, patience } from "../frontEnd.js";

export function debugs(frontEnd: () => FrontEnd): void {
  it("stops at a breakpoint of a cell, shows its variables and goes on", async function () {
    this.timeout(patience);
    const { page } = frontEnd();
    await frontEnd().show("counting.ipynb");
    const bug = '[data-jp-item-name="debugger-icon"] jp-button';
    await page.locator(`${bug}:not([aria-disabled="true"])`).waitFor();
    await page.locator(bug).click();
    await page.locator(`${bug}[aria-pressed="true"]`).waitFor();
    // JupyterLab drops what is clicked while its session with the debugger begins.
    await page.waitForTimeout(3000);
    const cell = page.locator(".jp-CodeCell", { hasText: "const { length } = rows" });
    await cell.locator(".cm-breakpoint-gutter .cm-gutterElement").nth(1).click();
    await cell.locator(".cm-breakpoint-icon").first().waitFor({ state: "attached" });
    await frontEnd().runAll();
    await cell.locator(".jp-DebuggerEditor-highlight").first().waitFor();
    await page.locator(".jp-DebuggerVariables-body", { hasText: "length" }).first().waitFor();
    await frontEnd().picture("debugger");
    await page.keyboard.press("F9");
    await page.locator(".jp-CodeCell .jp-InputPrompt", { hasText: "[14]:" }).first().waitFor();
    await page.locator(bug).click();
    await page.locator(`${bug}[aria-pressed="false"]`).waitFor();
  });
}
