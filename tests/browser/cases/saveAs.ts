/** File > Save and Export Notebook As > Executable Script. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type FrontEnd, patience } from "../frontEnd.js";

export function savesAsScript(frontEnd: () => FrontEnd): void {
  it("saves a notebook as a script", async function () {
    this.timeout(patience);
    const { page } = frontEnd();
    await frontEnd().show("counting.ipynb");
    await page.getByRole("menuitem", { name: "File", exact: true }).click();
    await page.locator(".lm-Menu-itemLabel").getByText("Save and Export Notebook As", { exact: true }).hover();
    const coming = page.waitForEvent("download");
    await page.locator(".lm-Menu-itemLabel").getByText("Executable Script", { exact: true }).click();
    const download = await coming;
    assert.equal(download.suggestedFilename(), "counting.mts");
    const text = readFileSync(await download.path(), "utf8");
    assert.match(text, /import \{ display \} from "tunelab\/script";[\s\S]*let total;\ntotal = rows\.reduce/);
  });
}
