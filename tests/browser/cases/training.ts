/** A training that is watched and stopped, and what is left of it in the saved notebook. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { type FrontEnd, patience } from "../frontEnd.js";

const notebook = "stopButton.ipynb";

export function trainsUntilStopped(frontEnd: () => FrontEnd): void {
  it("redraws the chart of a training, which a button stops, after which the notebook goes on", async function () {
    this.timeout(patience);
    const { page } = frontEnd();
    await frontEnd().show(notebook);
    await frontEnd().runAll();
    const steps = [];
    for (const least of [1, 30, 60]) steps.push(await untilStep(page, least));
    assert.ok(new Set(steps).size === 3, steps.join());
    await frontEnd().picture(`training-${frontEnd().name.replace(" ", "-")}`);
    await page.locator(".jp-OutputArea button.widget-button", { hasText: "Stop" }).click();
    await frontEnd().output("ended early").waitFor();
    await frontEnd()
      .output(/goes on after \d+ steps with rank 8/)
      .waitFor();
    // At the end the picture becomes a chart that answers to the mouse.
    await page.locator(".jp-RenderedPlotly .main-svg").first().waitFor();
    await frontEnd().output("Scripts are on.").waitFor();
    assert.equal(await frontEnd().errors.count(), 0);
  });
}

/** Waits until the picture of a live chart tells at least that step, and gives the step that it tells. */
export async function untilStep(page: Page, least: number): Promise<number> {
  const chart = page.locator('.jp-OutputArea-output img[alt^="Training"]').first();
  await chart.waitFor();
  for (;;) {
    const step = stepOf((await chart.getAttribute("src")) ?? "");
    if (step >= least) return step;
    await page.waitForTimeout(100);
  }
}

function stepOf(source: string): number {
  const svg = Buffer.from(source.replace(/^.*base64,/, ""), "base64").toString("utf8");
  return Number(/Step ([\d,]+)/.exec(svg)?.[1]?.replaceAll(",", "") ?? 0);
}

export function keepsItsOutputs(frontEnd: () => FrontEnd): void {
  it("shows what was saved to somebody who does not trust it, and all of it to somebody who does", async function () {
    this.timeout(patience);
    const { page, folder } = frontEnd();
    await frontEnd().menu("File", "Save Notebook");
    const saved = await untilSaved(join(folder, notebook));
    // As it comes by mail: nobody here has signed it.
    writeFileSync(join(folder, "handout.ipynb"), saved.replace('"nbformat"', '"x": 0, "nbformat"'));
    await frontEnd().show("handout.ipynb");
    await frontEnd().output("Scripts are off.").waitFor();
    await frontEnd()
      .output(/HBox\(\[IntSlider\(description: 'rank', value: 8/)
      .waitFor();
    await frontEnd().output("ended early").waitFor();
    // Plotly's extension has saved a picture with the figure, and draws it anew under the mouse.
    await page.locator(".jp-RenderedPlotly img").first().waitFor();
    await page.locator(".jp-RenderedPlotly").first().hover();
    await page.locator(".jp-RenderedPlotly .main-svg").first().waitFor();
    await trust(frontEnd());
    await frontEnd().show(notebook);
    await frontEnd().show("handout.ipynb");
    await frontEnd().output("Scripts are on.").waitFor();
    await page.locator(".jp-RenderedPlotly img").first().waitFor();
  });
}

async function untilSaved(path: string): Promise<string> {
  for (;;) {
    const saved = readFileSync(path, "utf8");
    if (saved.includes("'ended early'")) return saved;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function trust(frontEnd: FrontEnd): Promise<void> {
  const { name, page } = frontEnd;
  if (name === "JupyterLab") {
    await page.keyboard.press("Control+Shift+C");
    await page.locator(".lm-CommandPalette-input, #modal-command-palette input").first().fill("Trust Notebook");
    await page.keyboard.press("Enter");
  } else {
    await page.getByText("Not Trusted").click();
  }
  await page.locator(".jp-Dialog .jp-mod-accept").click();
  await page.locator(".jp-Dialog").waitFor({ state: "detached" });
  const saved = page.waitForResponse((response) => response.request().method() === "PUT");
  await frontEnd.menu("File", "Save Notebook");
  await saved;
}
