/**
 * The chart of a running training. Front ends redraw an image by display id smoothly but never a Plotly figure, so the
 * cell shows an image while the run goes on and the interactive figure once at its end.
 */
import { randomUUID } from "node:crypto";
import { type DisplayFunction, notebookDisplay } from "./display.js";
import { Figure, imageHtml, PLOTLY_MIME } from "./figure.js";
import {
  PROGRESS_HEIGHT,
  type ProgressFigures,
  type ProgressStatus,
  progressLine,
  progressRow,
} from "./progressRow.js";
import { renderSvg } from "./svg/render.js";
import { CHART_HEIGHT, CHART_WIDTH } from "./theme.js";
import { type CurvePoint, TrainingCurve } from "./trainingCurve.js";

/** At most four images a second. */
const MIN_INTERVAL_MS = 250;

const IMAGE_HEIGHT = CHART_HEIGHT + PROGRESS_HEIGHT;

export interface LiveChartOptions {
  /** Default "Training". */
  title?: string;
  /** Updates of the whole run: the length of the horizontal axis. */
  maxSteps: number;
  /** Updates done before, of a resumed run. Default 0. */
  startStep?: number;
  /** Where to show it. Default: the notebook's display function; nothing outside a notebook. */
  display?: DisplayFunction | null;
  /** Milliseconds, for tests. Default performance.now. */
  now?: () => number;
}

/** One update as the chart takes it. */
export interface LivePoint extends CurvePoint {
  /** Default: not shown. */
  readonly tokensPerSecond?: number;
  /** Default: not shown. */
  readonly etaSeconds?: number;
}

export class LiveChart {
  readonly title: string;
  readonly maxSteps: number;
  readonly displayId = `tunelab-${randomUUID()}`;
  readonly #curve = new TrainingCurve();
  readonly #display: DisplayFunction | null;
  readonly #now: () => number;
  readonly #start: number;
  #lastShown = Number.NEGATIVE_INFINITY;
  #last: LivePoint | null = null;
  #step: number;
  #status: ProgressStatus = "running";

  constructor(options: LiveChartOptions) {
    this.title = options.title ?? "Training";
    this.maxSteps = options.maxSteps;
    this.#step = options.startStep ?? 0;
    this.#display = options.display === undefined ? notebookDisplay() : options.display;
    this.#now = options.now ?? (() => performance.now());
    this.#start = this.#now();
  }

  /** Puts the chart into the cell's output. */
  show(): void {
    this.#display?.(this.#image(), { displayId: this.displayId });
    this.#lastShown = this.#now();
  }

  /** Adds points of earlier updates, of a resumed run, without showing them yet. */
  addPast(points: readonly CurvePoint[]): void {
    for (const point of points) this.#curve.add(point);
  }

  add(point: LivePoint): void {
    this.#curve.add(point);
    this.#last = point;
    this.#step = point.step;
    this.#refresh();
  }

  addEvaluation(evaluation: { step: number; loss: number }): void {
    this.#curve.addEvaluation(evaluation);
    this.#refresh();
  }

  /** Replaces the image by the interactive figure, which keeps the last image for pages without Plotly. */
  finish(status: Exclude<ProgressStatus, "running">): Figure {
    this.#status = status;
    const figure = this.figure();
    const { data, metadata = {} } = this.#image();
    const bundle = { data: { [PLOTLY_MIME]: figure.toJSON(), ...data }, metadata };
    this.#display?.(bundle, { displayId: this.displayId, update: true });
    return figure;
  }

  /** The chart as it stands, with the figures of the run in its title. */
  figure(): Figure {
    const { data, layout } = this.#curve.figure(`${this.title}: ${progressLine(this.#figures())}`, this.maxSteps);
    return new Figure(data, { ...layout, height: IMAGE_HEIGHT });
  }

  /** The image as it stands. */
  toSVG(): string {
    const figures = this.#figures();
    return renderSvg(this.#curve.figure(this.title, this.maxSteps), {
      width: CHART_WIDTH,
      height: IMAGE_HEIGHT,
      footer: { height: PROGRESS_HEIGHT, draw: (box) => progressRow(figures, box) },
    });
  }

  #refresh(): void {
    if (this.#display === null || this.#now() - this.#lastShown < MIN_INTERVAL_MS) return;
    this.#display(this.#image(), { displayId: this.displayId, update: true });
    this.#lastShown = this.#now();
  }

  #image() {
    const line = `${this.title}: ${progressLine(this.#figures())}`;
    const html = imageHtml(this.toSVG(), CHART_WIDTH, IMAGE_HEIGHT, line);
    return { data: { "text/html": html, "text/plain": line } as Record<string, unknown>, metadata: {} };
  }

  #figures(): ProgressFigures {
    const smoothed = this.#curve.smoothedLoss;
    return {
      status: this.#status,
      step: this.#step,
      maxSteps: this.maxSteps,
      loss: Number.isNaN(smoothed) ? null : smoothed,
      tokensPerSecond: this.#last?.tokensPerSecond ?? null,
      etaSeconds: this.#last?.etaSeconds ?? null,
      elapsedSeconds: (this.#now() - this.#start) / 1000,
    };
  }
}
