import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { NotebookEvent } from "../../kernel/run/events.js";
import { runNotebook, writeHtml } from "../../kernel/run.js";

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/notebooks/${name}.ipynb`, import.meta.url));

interface Saved {
  cells: { cell_type: string; execution_count?: number | null; outputs?: { data?: Record<string, unknown> }[] }[];
}

describe("running a notebook", function () {
  // A kernel starts for each test, beside whatever else the machine does.
  this.timeout(180_000);
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "run-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const saved = (path: string): Saved => JSON.parse(readFileSync(path, "utf8")) as Saved;

  it("tells every cell, saves the outputs and gives a page that loads nothing from elsewhere", async () => {
    const output = join(folder, "counting.ipynb");
    const events: NotebookEvent[] = [];
    const outcome = await runNotebook({
      notebook: fixture("counting"),
      output,
      onEvent: (event) => events.push(event),
    });
    assert.deepEqual(outcome, { code: 0, output });
    assert.deepEqual(events[0], { event: "start", cells: 7 });
    const headings = events.filter((event) => event.event === "cell").map((event) => event.heading);
    assert.deepEqual([...new Set(headings)], ["Rows", "Totals", "A chart"]);
    const chart = saved(output).cells.at(-1)?.outputs?.[0]?.data ?? {};
    assert.ok("application/vnd.plotly.v1+json" in chart && "text/html" in chart);

    const page = join(folder, "counting.html");
    await writeHtml(output, page);
    const text = readFileSync(page, "utf8");
    assert.doesNotMatch(text.replaceAll(/<script>[\s\S]*?<\/script>/g, ""), /(?:src|href)="https?:|@import|url\(http/);
    assert.equal(text.match(/class="tunelab-chart"/g)?.length, 1);
    assert.match(text, /plotly\.js v\d/);
    assert.match(text, /<img alt="bars"[^>]+src="data:image\/svg\+xml/);
  });

  it("stops at a failing cell, tells which and why, and saves what there is", async () => {
    const output = join(folder, "failing.ipynb");
    const { code, failure } = await runNotebook({ notebook: fixture("failing"), output });
    assert.equal(code, 1);
    assert.equal(failure?.number, 2);
    assert.equal(failure?.heading, "The mistake");
    assert.equal(failure?.ename, "RangeError");
    assert.equal(failure?.evalue, "More than 3 rows.");
    const counts = saved(output)
      .cells.filter((cell) => cell.cell_type === "code")
      .map((cell) => cell.execution_count);
    assert.deepEqual(counts, [1, 2, null]);
  });

  it("is interrupted like a cell: the rest does not run, what there is is saved", async () => {
    const output = join(folder, "endless.ipynb");
    const { code, failure } = await runNotebook({
      notebook: fixture("endless"),
      output,
      // runNotebook hands SIGTERM on, as Ctrl-C reaches the whole group of a terminal.
      onEvent: (event) => event.event === "stream" && event.text.startsWith("started") && process.emit("SIGTERM"),
    });
    assert.equal(code, 130);
    assert.equal(failure, undefined);
    const counts = saved(output)
      .cells.filter((cell) => cell.cell_type === "code")
      .map((cell) => cell.execution_count);
    assert.deepEqual(counts, [1, null]);
  });

  it("says that there is no such kernel or notebook", async () => {
    const output = join(folder, "x.ipynb");
    const outcome = await runNotebook({ notebook: fixture("counting"), output, kernel: "nokernel" });
    assert.equal(outcome.code, 2);
    assert.equal(outcome.fatal, 'There is no kernel named "nokernel".');
    await assert.rejects(runNotebook({ notebook: join(folder, "no.ipynb") }), /There is no notebook/);
    const half = join(folder, "half.ipynb");
    writeFileSync(half, readFileSync(fixture("counting"), "utf8").slice(0, 300));
    await assert.rejects(runNotebook({ notebook: half, output }), /half\.ipynb is no notebook that can be read/);
  });

  it("saves what widgets came to be, and draws them in the page", async () => {
    const notebook = join(folder, "slider.ipynb");
    const source =
      "const slider = new IntSlider({ value: 3, description: '<rank>' });\nslider.value = 9;\n" +
      "new VBox([slider, new Button({ description: 'Stop' }), new Dropdown({ options: ['a', 'b'], value: 'b' })])";
    const cell = { cell_type: "code", id: "slider", metadata: {}, execution_count: null, outputs: [], source };
    writeFileSync(notebook, JSON.stringify({ cells: [cell], metadata: {}, nbformat: 4, nbformat_minor: 5 }));
    const output = join(folder, "out.ipynb");
    assert.equal((await runNotebook({ notebook, output })).code, 0);
    const { metadata } = JSON.parse(readFileSync(output, "utf8")) as {
      metadata: {
        widgets: Record<string, { state: Record<string, { model_name: string; state: { value?: number } }> }>;
      };
    };
    const states = Object.values(metadata.widgets["application/vnd.jupyter.widget-state+json"]?.state ?? {});
    assert.equal(states.find((one) => one.model_name === "IntSliderModel")?.state.value, 9);
    const page = join(folder, "out.html");
    await writeHtml(output, page);
    const html = readFileSync(page, "utf8");
    assert.match(html, /&lt;rank&gt; <input [^>]*max="100"[^>]*type="range" value="9"\/> 9/);
    assert.match(html, /<button disabled="">Stop<\/button>.*<option>b<\/option>/);
    // What would draw them is on a server.
    assert.doesNotMatch(html, /vnd\.jupyter\.widget/);
  });
});
