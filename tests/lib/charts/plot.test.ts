import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Figure } from "../../../lib/charts/figure.js";
import { type LineOptions, plot } from "../../../lib/charts/plot.js";
import { createRandom } from "../../../lib/random.js";
import { assertPicture } from "./snapshot.js";

const display = (figure: Figure) => figure[Symbol.for("Jupyter.display") as never] as () => Record<string, unknown>;
const bundleOf = (figure: Figure) => display(figure).call(figure);

/** The sum of three uniform numbers: a bell. */
function bell(count: number, middle: number, width: number): number[] {
  const random = createRandom(7);
  const uniform = () => random.next() - 0.5;
  return Array.from({ length: count }, () => Math.round(middle + width * (uniform() + uniform() + uniform())));
}

const steps = Array.from({ length: 60 }, (_, index) => index + 1);

describe("plot", () => {
  it("draws lines by name, with gaps", () => {
    const loss = steps.map((step) => (step === 30 ? null : 1.2 + 1.6 * Math.exp(-step / 12)));
    const evaluation = steps.map((step) => (step % 10 === 0 ? 1.3 + 1.5 * Math.exp(-step / 12) : null));
    const figure = plot.line({ x: steps, y: { loss, evaluation }, title: "Loss", xTitle: "step", yTitle: "loss" });
    assertPicture("lines", figure.toSVG());
  });

  it("draws a logarithmic axis", () => {
    const figure = plot.line({ y: [1, 10, 200, 5000, 80_000], logY: true, title: "Powers of ten", height: 300 });
    assertPicture("log", figure.toSVG());
  });

  it("draws points", () => {
    const x = bell(120, 600, 800);
    const y = bell(120, 0, 2e-4).map((_, index) => 1e-4 + 1e-7 * x[index]! * Math.sin(index));
    assertPicture("points", plot.scatter({ x, y, title: "Rate by length", xTitle: "tokens", yTitle: "rate" }).toSVG());
  });

  it("draws a histogram with round bins", () => {
    const values = bell(500, 735, 500);
    const figure = plot.histogram({ values, title: "Length of the training texts", xTitle: "tokens", yTitle: "texts" });
    assertPicture("histogram", figure.toSVG());
    const [trace] = figure.data;
    assert.ok(trace?.type === "histogram");
    assert.deepEqual(trace.xbins, { start: 100, end: 1350, size: 50 });
  });

  it("draws two histograms over each other", () => {
    const values = { before: bell(300, 400, 300), after: bell(300, 550, 300) };
    assertPicture("histograms", plot.histogram({ values, bins: 20, title: "Answer lengths" }).toSVG());
  });

  it("draws bars side by side", () => {
    const values = { before: [0.21, 0.14, 0.08], after: [0.98, 0.86, 0.84] };
    const figure = plot.bar({ labels: ["form", "condition", "both"], values, title: "Held-out cases answered right" });
    assertPicture("bars", figure.toSVG());
  });

  it("draws what there is of an empty or constant series", () => {
    assertPicture("empty", plot.line({ y: [], title: "Nothing yet" }).toSVG());
    assertPicture("constant", plot.line({ y: [2, 2, 2], title: "Always two" }).toSVG());
  });

  it("escapes what it is given", () => {
    const svg = plot.line({ y: { "<loss> & 'co'": [1, 2], b: [1, 2] }, title: "\u0001<script>" }).toSVG();
    assert.ok(svg.includes("&lt;loss&gt; &amp; &#39;co&#39;") && svg.includes("\ufffd&lt;script&gt;"));
    assert.ok(!svg.includes("<script"));
  });

  it("shows Plotly, an image and a line, of heights that do not jump", () => {
    const bundle = bundleOf(plot.line({ y: [3, 2, 1], title: "Loss" }));
    assert.deepEqual(Object.keys(bundle), ["application/vnd.plotly.v1+json", "text/html", "text/plain"]);
    const json = JSON.parse(JSON.stringify(bundle["application/vnd.plotly.v1+json"]));
    assert.equal(json.layout.height, 427);
    assert.equal(json.layout.width, undefined);
    assert.equal(json.layout.hovermode, "x unified");
    assert.equal(json.config.responsive, true);
    assert.deepEqual(json.data[0], { type: "scatter", mode: "lines", x: [0, 1, 2], y: [3, 2, 1] });
    const html = String(bundle["text/html"]);
    assert.match(html, /^<img width="860" height="420" alt="Loss \(3 points\)" src="data:image\/svg\+xml;base64,/);
    assert.equal(bundle["text/plain"], "Loss (3 points)");
  });

  it("saves the image", async () => {
    const dir = mkdtempSync(join(tmpdir(), "tunelab-plot-"));
    const figure = plot.bar({ labels: ["a"], values: [1] });
    await figure.save(join(dir, "bars.svg"));
    assert.equal(readFileSync(join(dir, "bars.svg"), "utf8"), figure.toSVG());
    rmSync(dir, { recursive: true });
  });

  it("refuses what it cannot draw", () => {
    const line = (options: unknown) => plot.line(options as LineOptions);
    assert.throws(() => line({ y: [1], titel: "x" }), /Unknown option "titel" of plot\.line.*"title"/);
    assert.throws(() => line({ x: [1, 2], y: [1] }), /plot\.line got 2 values in x but 1 in y/);
    assert.throws(() => line({}), /plot\.line needs y/);
    assert.throws(() => plot.histogram({ values: [1], bins: 0 }), /bins is 0/);
    assert.throws(() => plot.figure([{ type: "pie" } as never]), /cannot draw a trace of type "pie"/);
  });
});
