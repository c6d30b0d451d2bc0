/** The points of a training chart, in bounded number, and the figure that shows them. */
import type { FigureSpec, Trace } from "./spec.js";
import { THEME } from "./theme.js";

/** One update. */
export interface CurvePoint {
  readonly step: number;
  /** Mean loss of the update. */
  readonly loss: number;
  readonly learningRate: number;
}

/** Points beyond this are merged in pairs, so that a long run stays quick to draw. */
const MAX_POINTS = 4000;

/** Weight of the past in the smoothed loss. */
const SMOOTHING = 0.8;

export class TrainingCurve {
  #points: (CurvePoint & { smoothed: number })[] = [];
  readonly #evaluations: { step: number; loss: number }[] = [];
  #average = 0;
  #weight = 0;

  /** The exponential moving average of the loss, without the bias of its start. */
  get smoothedLoss(): number {
    return this.#weight === 0 ? Number.NaN : this.#average / this.#weight;
  }

  add(point: CurvePoint): void {
    this.#average = SMOOTHING * this.#average + (1 - SMOOTHING) * point.loss;
    this.#weight = SMOOTHING * this.#weight + (1 - SMOOTHING);
    this.#points.push({ ...point, smoothed: this.smoothedLoss });
    if (this.#points.length > MAX_POINTS) this.#points = mergePairs(this.#points);
  }

  addEvaluation(evaluation: { step: number; loss: number }): void {
    this.#evaluations.push(evaluation);
  }

  /** Loss, smoothed loss and evaluation loss on the left axis, learning rate on the right one. */
  figure(title: string, maxSteps: number): FigureSpec {
    const x = this.#points.map(({ step }) => step);
    const [blue, orange, green] = THEME.colors;
    const lines = { type: "scatter", mode: "lines", x } as const;
    const data: Trace[] = [
      {
        ...lines,
        name: "learning rate",
        y: this.#points.map(({ learningRate }) => learningRate),
        yaxis: "y2",
        line: { color: green, width: 1.5, dash: "dash" },
        opacity: 0.75,
      },
      {
        ...lines,
        name: "loss",
        y: this.#points.map(({ loss }) => loss),
        line: { color: blue, width: 1.25 },
        opacity: 0.4,
      },
      {
        ...lines,
        name: "smoothed loss",
        y: this.#points.map(({ smoothed }) => smoothed),
        line: { color: blue, width: 2.5 },
      },
    ];
    if (this.#evaluations.length > 0) {
      data.push({
        type: "scatter",
        mode: "lines+markers",
        name: "evaluation loss",
        x: this.#evaluations.map(({ step }) => step),
        y: this.#evaluations.map(({ loss }) => loss),
        line: { color: orange, width: 2 },
        marker: { color: orange, size: 7 },
      });
    }
    return {
      data,
      layout: {
        title: { text: title },
        showlegend: true,
        xaxis: { title: { text: "step" }, range: [0, Math.max(1, maxSteps)] },
        yaxis: { title: { text: "loss" }, hoverformat: ".4f" },
        yaxis2: {
          title: { text: "learning rate" },
          rangemode: "tozero",
          hoverformat: ".2e",
          overlaying: "y",
          side: "right",
        },
      },
    };
  }
}

function mergePairs<P extends CurvePoint & { smoothed: number }>(points: readonly P[]): P[] {
  const merged: P[] = [];
  for (let i = 0; i + 1 < points.length; i += 2) {
    const [first, second] = [points[i]!, points[i + 1]!];
    merged.push({ ...second, loss: (first.loss + second.loss) / 2 });
  }
  if (points.length % 2 === 1) merged.push(points.at(-1)!);
  return merged;
}
