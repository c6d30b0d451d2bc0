import assert from "node:assert/strict";
import type { DisplayBundle } from "../../../lib/charts/display.js";
import { LiveChart } from "../../../lib/charts/liveChart.js";
import { TrainingCurve } from "../../../lib/charts/trainingCurve.js";
import { createRandom } from "../../../lib/random.js";
import { assertPicture } from "./snapshot.js";

const PLOTLY = "application/vnd.plotly.v1+json";

interface Shown {
  readonly bundle: DisplayBundle;
  readonly displayId: string | undefined;
  readonly update: boolean | undefined;
  readonly at: number;
}

/** A chart with its own clock, and everything that it shows. */
function recorded(maxSteps = 60) {
  const shown: Shown[] = [];
  const clock = { now: 0 };
  const chart = new LiveChart({
    maxSteps,
    now: () => clock.now,
    display: (bundle, { displayId, update } = {}) => void shown.push({ bundle, displayId, update, at: clock.now }),
  });
  const random = createRandom(1);
  const train = (first: number, last: number, milliseconds: number) => {
    for (let step = first; step <= last; step++) {
      clock.now += milliseconds;
      chart.add({
        step,
        loss: 1.2 + 1.8 * Math.exp(-step / 9) + 0.25 * (random.next() - 0.5),
        learningRate: 2e-4 * (step <= 6 ? (step - 1) / 6 : (maxSteps + 1 - step) / (maxSteps - 6)),
        tokensPerSecond: 1834,
        etaSeconds: (maxSteps - step) * (milliseconds / 1000),
      });
      if (step % 10 === 0) chart.addEvaluation({ step, loss: 1.3 + 1.8 * Math.exp(-step / 9) });
    }
  };
  return { chart, shown, clock, train };
}

describe("LiveChart", () => {
  it("shows an image, updates it by its id, and ends with the interactive figure", () => {
    const { chart, shown, train } = recorded();
    chart.show();
    train(1, 60, 1130);
    chart.finish("finished");
    assert.equal(new Set(shown.map(({ displayId }) => displayId)).size, 1);
    assert.deepEqual(
      shown.map(({ update }) => update ?? false),
      shown.map((_, index) => index > 0),
    );
    for (const { bundle } of shown.slice(0, -1))
      assert.deepEqual(Object.keys(bundle.data), ["text/html", "text/plain"]);
    const last = shown.at(-1)!.bundle.data;
    assert.deepEqual(Object.keys(last), [PLOTLY, "text/html", "text/plain"]);
    const figure = JSON.parse(JSON.stringify(last[PLOTLY]));
    const image = /height="(\d+)"/.exec(String(last["text/html"]));
    assert.equal(figure.layout.height, Number(image?.[1]) + 7);
    assert.deepEqual(
      figure.data.map(({ name }: { name: string }) => name),
      ["learning rate", "loss", "smoothed loss", "evaluation loss"],
    );
    assert.equal(figure.layout.yaxis2.side, "right");
    assert.match(
      String(last["text/plain"]),
      /^Training: Step 60 of 60 · loss 1\.\d{4} · 1,834 tok\/s · finished in 1:08 min$/,
    );
  });

  it("draws at most four times a second", () => {
    const { chart, shown, train } = recorded(1000);
    chart.show();
    train(1, 1000, 10);
    const gaps = shown.slice(1).map(({ at }, index) => at - shown[index]!.at);
    assert.ok(shown.length > 35 && gaps.every((gap) => gap >= 250));
  });

  it("looks as it should while it runs, when it ends, and when it is stopped", () => {
    const { chart, train } = recorded();
    train(1, 41, 1130);
    assertPicture("training-running", chart.toSVG());
    chart.finish("interrupted");
    assertPicture("training-interrupted", chart.toSVG());
    const whole = recorded();
    whole.train(1, 60, 1130);
    whole.chart.finish("finished");
    assertPicture("training-finished", whole.chart.toSVG());
    assertPicture("training-plotly", whole.chart.figure().toSVG());
  });

  it("starts with empty axes", () => {
    const { chart, shown } = recorded();
    chart.show();
    assertPicture("training-start", chart.toSVG());
    assert.equal(shown[0]!.bundle.data["text/plain"], "Training: Step 0 of 60 · starting");
  });

  it("shows nothing outside a notebook, and still has its figure", () => {
    const chart = new LiveChart({ maxSteps: 2 });
    chart.show();
    chart.add({ step: 1, loss: 2, learningRate: 0 });
    assert.equal(chart.finish("finished").data.length, 3);
  });
});

describe("TrainingCurve", () => {
  it("smooths without the bias of its start", () => {
    const curve = new TrainingCurve();
    curve.add({ step: 1, loss: 3, learningRate: 0 });
    assert.equal(curve.smoothedLoss, 3);
    for (let step = 2; step < 100; step++) curve.add({ step, loss: 1, learningRate: 0 });
    assert.ok(Math.abs(curve.smoothedLoss - 1) < 1e-6);
  });

  it("keeps a bounded number of points of a long run, the last one among them", () => {
    const curve = new TrainingCurve();
    for (let step = 1; step <= 50_000; step++) curve.add({ step, loss: 50_000 - step, learningRate: 0 });
    const { data } = curve.figure("Training", 50_000);
    assert.ok(data[1]!.x.length <= 4000 && data[1]!.x.length > 1000);
    assert.equal(data[1]!.x.at(-1), 50_000);
  });
});
