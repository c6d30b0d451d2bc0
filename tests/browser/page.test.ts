import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { writeHtml } from "../../kernel/run.js";
import { describeInBrowser } from "./chromium.js";

const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="860" height="501"/>').toString("base64");
const chart = {
  "application/vnd.plotly.v1+json": {
    data: [{ type: "scatter", y: [3, 1, 2], name: "</script>" }],
    layout: { height: 240, hovermode: "x unified" },
    config: {},
  },
  "text/html": `<img alt="loss" width="860" height="501" src="data:image/svg+xml;base64,${svg}">`,
  "text/plain": "loss",
};
const output = { output_type: "display_data", data: chart, metadata: {} };
const code = { cell_type: "code", id: "b", source: "plot.line(loss)", metadata: {}, execution_count: 1 };
const notebook = {
  cells: [
    { cell_type: "markdown", id: "a", source: "# Losses\n\nThe sum $a_1 + \\frac{b}{r}$ in `$5`.", metadata: {} },
    { ...code, outputs: [output] },
    { ...code, id: "c", outputs: [output] },
  ],
  metadata: { language_info: { name: "typescript", pygments_lexer: "typescript" } },
  nbformat: 4,
  nbformat_minor: 5,
};

describeInBrowser("the page of a notebook, opened offline", (open) => {
  let folder: string;
  let browser: Browser;
  let url: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "page-"));
    writeFileSync(join(folder, "a.ipynb"), JSON.stringify(notebook));
    await writeHtml(join(folder, "a.ipynb"), join(folder, "a.html"));
    url = pathToFileURL(join(folder, "a.html")).href;
    browser = await open();
  });
  after(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  it("draws its charts, asks for no address and reports no error", async () => {
    const context = await browser.newContext({ offline: true });
    const page = await context.newPage();
    const asked: string[] = [];
    const errors: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(url);
    await page.locator(".js-plotly-plot .main-svg").first().waitFor();
    assert.equal(await page.locator(".js-plotly-plot").count(), 2);
    await page.locator(".tunelab-chart .picture").first().waitFor({ state: "hidden" });
    assert.deepEqual(errors, []);
    const foreign = asked.filter((address) => address !== url && !/^(data|blob):/.test(address));
    assert.deepEqual(foreign, []);
  });

  it("draws formulas", async () => {
    const page = await browser.newPage();
    await page.goto(url);
    assert.equal(await page.locator("math mfrac").count(), 1);
    assert.equal(await page.locator("code", { hasText: "$5" }).count(), 1);
  });

  it("answers to the mouse", async () => {
    const page = await browser.newPage();
    await page.goto(url);
    const plot = page.locator(".js-plotly-plot .nsewdrag").first();
    await plot.hover();
    await page.locator(".js-plotly-plot .hoverlayer .legend").first().waitFor();
  });

  it("prints the pictures, as wide as the sheet", async () => {
    const page = await browser.newPage({ viewport: { width: 1500, height: 900 } });
    await page.goto(url);
    await page.locator(".js-plotly-plot .main-svg").first().waitFor();
    await page.emulateMedia({ media: "print" });
    await page.setViewportSize({ width: 700, height: 900 });
    const picture = await page.getByAltText("loss").first().boundingBox();
    assert.ok(picture !== null && picture.x + picture.width < 700);
    assert.equal(await page.locator(".js-plotly-plot:visible").count(), 0);
  });

  it("shows the pictures where scripts are off", async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(url);
    const picture = page.getByAltText("loss").first();
    assert.deepEqual((await picture.boundingBox())?.height, 501);
  });
});
