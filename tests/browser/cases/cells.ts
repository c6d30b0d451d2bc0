/** What a person does with cells: run them, complete a name, ask what it is, restart. */
import assert from "node:assert/strict";
import { type FrontEnd, patience } from "../frontEnd.js";

const notebook = "counting.ipynb";

export function runsCells(frontEnd: () => FrontEnd): void {
  it("runs every cell, and draws the chart", async function () {
    this.timeout(patience);
    const { page } = frontEnd();
    await frontEnd().show(notebook);
    await frontEnd().runAll();
    await page.locator(".jp-OutputArea .js-plotly-plot .main-svg").first().waitFor();
    const text = (await page.locator(".jp-OutputArea-child").allInnerTexts()).join("\n");
    for (const expected of ["2", "3", "total 7", "<TOTAL 7>"])
      assert.ok(text.includes(expected), `${expected} in ${text}`);
    // CodeMirror knows the language: a type is no variable.
    const typeName = page.locator(".jp-CodeCell .cm-line span", { hasText: /^Row$/ }).first();
    assert.equal(await typeName.count(), 1);
  });
}

export function completesAndInspects(frontEnd: () => FrontEnd): void {
  it("completes a name with what kind each is, and tells its type", async function () {
    this.timeout(patience);
    const { page } = frontEnd();
    await frontEnd().show(notebook);
    await frontEnd().type("rows.re");
    await page.keyboard.press("Tab");
    const items = page.locator(".jp-Completer .jp-Completer-item");
    await items.first().waitFor();
    const shown = (await items.allInnerTexts()).map((text) => text.replaceAll(/\s+/g, " ").trim());
    assert.ok(shown.includes("f reduce function") && shown.includes("f reverse function"), shown.join(", "));
    await frontEnd().picture(`completion-${frontEnd().name.replace(" ", "-")}`);
    await page.keyboard.press("Enter");
    await page.keyboard.press("Shift+Tab");
    const tooltip = page.locator(".jp-Tooltip");
    await tooltip.waitFor();
    assert.match((await tooltip.textContent()) ?? "", /Array<Row>\.re\w+\(/);
    await page.keyboard.press("Escape");
    await tooltip.waitFor({ state: "detached" });
  });
}

export function interrupts(frontEnd: () => FrontEnd): void {
  it("stops a cell that does not end by the toolbar's square, and keeps what the notebook knows", async function () {
    this.timeout(patience);
    const { page } = frontEnd();
    await frontEnd().show(notebook);
    await frontEnd().type("console.log('around'); while (true) {}");
    await page.keyboard.press("Control+Enter");
    await frontEnd().output("around").waitFor();
    await page.locator('[data-jp-item-name="interrupt"] jp-button').click();
    await frontEnd().output("KeyboardInterrupt").waitFor();
    await frontEnd().type("rows.length + 40");
    await page.keyboard.press("Control+Enter");
    await frontEnd().output("42").waitFor();
  });
}

export function restarts(frontEnd: () => FrontEnd): void {
  it("restarts the kernel, which has forgotten the cells and answers", async function () {
    this.timeout(patience);
    const { page } = frontEnd();
    await frontEnd().show(notebook);
    await frontEnd().menu("Kernel", "Restart Kernel…");
    await page.locator(".jp-Dialog .jp-mod-accept").click();
    await frontEnd().type("typeof rows");
    await page.keyboard.press("Control+Enter");
    await frontEnd().output("Cannot find name 'rows'").waitFor();
    await frontEnd().type("6 * 8");
    await page.keyboard.press("Control+Enter");
    await frontEnd().output("48").waitFor();
  });
}
