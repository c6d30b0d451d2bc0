/** Every kind of widget, drawn, and answering while a cell runs. */
import assert from "node:assert/strict";
import { type FrontEnd, patience } from "../frontEnd.js";

export function drawsWidgets(frontEnd: () => FrontEnd): void {
  it("draws widgets, sends a slider's value, and stops a running cell by a button", async function () {
    this.timeout(patience);
    const { page } = frontEnd();
    await frontEnd().show("widgets.ipynb");
    await frontEnd().runAll();
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
    // The front end sends one value at a time; what the kernel has heard it tells back.
    await page.locator(".widget-label", { hasText: "training, rank 12" }).waitFor();
    await page.locator(".widget-text input").fill("second");
    await page.locator(".widget-dropdown select").selectOption("adamw_torch");
    await button.click();
    await frontEnd().output("Stopped: rank 12, run second, adamw_torch.").waitFor();
    await frontEnd().output("Stop was pressed.").waitFor();
    await frontEnd().picture("widgets");
    assert.equal(await frontEnd().errors.count(), 0);
  });
}
