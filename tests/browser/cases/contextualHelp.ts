/** JupyterLab's panel that follows the cursor. */
import { type FrontEnd, patience } from "../frontEnd.js";

export function helpsInContext(frontEnd: () => FrontEnd): void {
  it("shows in the contextual help what the cursor is at", async function () {
    this.timeout(patience);
    const { page } = frontEnd();
    await frontEnd().show("counting.ipynb");
    await frontEnd().menu("Help", "Show Contextual Help");
    const panel = page.locator(".jp-Inspector");
    await panel.waitFor();
    await page
      .locator(".jp-CodeCell .cm-line", { hasText: "const total = rows.reduce" })
      .locator("text=reduce")
      .click();
    await panel.locator("text=callbackfn").first().waitFor();
    await page.locator(".lm-TabBar-tab", { hasText: "Contextual Help" }).locator(".lm-TabBar-tabCloseIcon").click();
  });
}
