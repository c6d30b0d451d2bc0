/** JupyterLab's debugger in a cell of TypeScript. */
import { type FrontEnd, patience } from "../frontEnd.js";

export function debugs(frontEnd: () => FrontEnd): void {
  it("stops at a breakpoint of a cell, shows its variables and goes on", async function () {
    this.timeout(patience);
    const { page } = frontEnd();
    await frontEnd().show("counting.ipynb");
    const cell = page.locator(".jp-CodeCell", { hasText: "const { length } = rows" });
    await frontEnd().debug(cell, 2);
    await frontEnd().runAll();
    await cell.locator(".jp-DebuggerEditor-highlight").first().waitFor();
    await page.locator(".jp-DebuggerVariables-body", { hasText: "length2" }).first().waitFor();
    await frontEnd().picture("debugger");
    await page.keyboard.press("F9");
    await page.locator(".jp-CodeCell .jp-InputPrompt", { hasText: "[14]:" }).first().waitFor();
    await frontEnd().leaveDebugger();
  });
}
