/** `plot`: charts from arrays in one call. */
import { checkOptions, fail } from "../errors.js";
import { Figure } from "./figure.js";
import type { Datum, Layout, Trace } from "./spec.js";
import { niceBins } from "./svg/scales.js";
import { seriesColor } from "./theme.js";

/** One series, or several by name; null is a gap. */
export type Series = ArrayLike<number | null> | Readonly<Record<string, ArrayLike<number | null>>>;

export interface TitleOptions {
  /** Default none. */
  title?: string;
  /** Title of the horizontal axis. Default none. */
  xTitle?: string;
  /** Title of the vertical axis. Default none. */
  yTitle?: string;
  /** Height in pixels. Default 420. */
  height?: number;
}

export interface LineOptions extends TitleOptions {
  /** Positions; numbers or categories. Default 0, 1, 2, ... */
  x?: ArrayLike<Datum>;
  /** Values of one series, or of several by name. */
  y: Series;
  /** Logarithmic vertical axis. Default false. */
  logY?: boolean;
}

export interface HistogramOptions extends TitleOptions {
  /** Values of one distribution, or of several by name, drawn over each other. */
  values: Series;
  /** About how many bins; their edges are round numbers. Default 30. */
  bins?: number;
}

export interface BarOptions extends TitleOptions {
  /** Names below the bars. */
  labels: ArrayLike<string | number>;
  /** Heights of one series, or of several by name, side by side. */
  values: Series;
}

const TITLES = ["title", "xTitle", "yTitle", "height"];
const LINE_OPTIONS = ["x", "y", "logY", ...TITLES];

/** Lines through points; a series with a point between gaps gets markers. `plot.line({ y: [3, 2, 1], title: "Loss" })` */
function line(options: LineOptions): Figure {
  checkOptions("plot.line", options, LINE_OPTIONS);
  return points("plot.line", "lines", options);
}

/** Single points. `plot.scatter({ x: lengths, y: losses })` */
function scatter(options: LineOptions): Figure {
  checkOptions("plot.scatter", options, LINE_OPTIONS);
  return points("plot.scatter", "markers", options);
}

/** How often values occur. `plot.histogram({ values: tokenCounts, xTitle: "tokens" })` */
function histogram(options: HistogramOptions): Figure {
  checkOptions("plot.histogram", options, ["values", "bins", ...TITLES]);
  const series = seriesOf("plot.histogram", "values", options.values).map(({ name, values }) => {
    return { name, values: values.filter((value) => value !== null) };
  });
  const { bins = 30 } = options;
  if (!Number.isInteger(bins) || bins < 1) fail(`bins is ${bins}, but it must be a whole number of at least 1.`);
  const xbins = niceBins(
    series.flatMap(({ values }) => values),
    bins,
  );
  const traces = series.map(({ name, values }, index): Trace => {
    const common = { type: "histogram", x: values, xbins, marker: { color: seriesColor(index) } } as const;
    return { ...common, ...named(name), ...(series.length > 1 ? { opacity: 0.6 } : {}) };
  });
  return new Figure(traces, { ...layoutOf({ yTitle: "count", ...options }), barmode: "overlay", bargap: 0.04 });
}

/** A bar for each label. `plot.bar({ labels: ["before", "after"], values: [0.12, 0.81] })` */
function bar(options: BarOptions): Figure {
  checkOptions("plot.bar", options, ["labels", "values", ...TITLES]);
  const labels = Array.from(options.labels, String);
  const traces = seriesOf("plot.bar", "values", options.values).map(({ name, values }, index): Trace => {
    sameLength("plot.bar", "labels", labels, name ?? "values", values);
    return { type: "bar", x: labels, y: values, marker: { color: seriesColor(index) }, ...named(name) };
  });
  const layout = layoutOf(options);
  return new Figure(traces, { ...layout, xaxis: { ...layout.xaxis, type: "category" }, barmode: "group" });
}

/** Any figure in Plotly's JSON; the image draws scatter, bar and histogram traces on linear, log and category axes. */
function figure(data: readonly Trace[], layout: Layout = {}): Figure {
  for (const { type } of data) {
    if (!["scatter", "bar", "histogram"].includes(type)) {
      fail(`plot.figure cannot draw a trace of type "${type}".`, { hint: "Use scatter, bar or histogram." });
    }
  }
  return new Figure(data, layout);
}

export const plot = { line, scatter, histogram, bar, figure } as const;

function points(where: string, mode: "lines" | "markers", options: LineOptions): Figure {
  const traces = seriesOf(where, "y", options.y).map(({ name, values }): Trace => {
    const x = options.x === undefined ? values.map((_, index) => index) : Array.from(options.x);
    sameLength(where, "x", x, name ?? "y", values);
    const alone = values.some((value, i) => value !== null && values[i - 1] == null && values[i + 1] == null);
    const shown = mode === "lines" && alone ? "lines+markers" : mode;
    return { type: "scatter", mode: shown, x, y: values, ...named(name) };
  });
  const layout = layoutOf(options);
  return new Figure(traces, options.logY ? { ...layout, yaxis: { ...layout.yaxis, type: "log" } } : layout);
}

function seriesOf(where: string, option: string, series: Series): { name: string | null; values: (number | null)[] }[] {
  if (series === null || typeof series !== "object") {
    fail(`${where} needs ${option}: an array of numbers, or an object with one for each name.`);
  }
  const numbers = (values: ArrayLike<number | null>) =>
    Array.from(values, (value) => (value === null ? null : Number(value)));
  if (isArrayLike(series)) return [{ name: null, values: numbers(series) }];
  return Object.entries(series).map(([name, values]) => ({ name, values: numbers(values) }));
}

function isArrayLike(series: Series): series is ArrayLike<number | null> {
  return Array.isArray(series) || ArrayBuffer.isView(series);
}

function sameLength(where: string, a: string, x: ArrayLike<unknown>, b: string, y: ArrayLike<unknown>): void {
  if (x.length !== y.length) fail(`${where} got ${x.length} values in ${a} but ${y.length} in ${b}.`);
}

function named(name: string | null): { name: string } | Record<never, never> {
  return name === null ? {} : { name };
}

function layoutOf({ title, xTitle, yTitle, height }: TitleOptions): Layout {
  return {
    ...(title === undefined ? {} : { title: { text: title } }),
    ...(xTitle === undefined ? {} : { xaxis: { title: { text: xTitle } } }),
    ...(yTitle === undefined ? {} : { yaxis: { title: { text: yTitle } } }),
    ...(height === undefined ? {} : { height }),
  };
}
