/** Traces: lines, markers, bars and histograms. */
import { line } from "d3-shape";
import type { BarTrace, Datum, HistogramTrace, LineStyle, ScatterTrace, Trace } from "../spec.js";
import { element } from "./elements.js";
import { countBins, niceBins, type PlotScale } from "./scales.js";

/** Where a trace is drawn. */
export interface TraceBox {
  readonly x: PlotScale;
  readonly y: PlotScale;
  /** Pixels of the bottom of the plot. */
  readonly floor: number;
  /** The colour of a trace that names none. */
  readonly color: string;
  /** Which of several bars of one category. */
  readonly group: { readonly index: number; readonly of: number };
}

export function isDrawn(trace: Trace): boolean {
  return trace.x.length > 0;
}

export function drawTrace(trace: Trace, box: TraceBox): string {
  switch (trace.type) {
    case "scatter":
      return scatter(trace, box);
    case "bar":
      return bars(trace, box);
    case "histogram":
      return histogram(trace, box);
  }
}

export function dashArray(dash: NonNullable<LineStyle["dash"]>): string | undefined {
  return { solid: undefined, dash: "6 4", dot: "2 3" }[dash];
}

/** The bars of a histogram: edges and counts. */
export function histogramBars(trace: HistogramTrace): { from: number; to: number; count: number }[] {
  const bins = trace.xbins ?? niceBins(trace.x, 30);
  return countBins(trace.x, bins).map((count, index) => {
    const from = bins.start + index * bins.size;
    return { from, to: from + bins.size, count };
  });
}

export function barTop(trace: HistogramTrace): number[] {
  return histogramBars(trace).map(({ count }) => count);
}

function scatter(trace: ScatterTrace, box: TraceBox): string {
  const points = trace.x.map((x, index): [number, number] => [box.x.at(x), yOf(trace.y[index], box)]);
  const { mode = "lines", opacity } = trace;
  const shown = ([x, y]: [number, number]) => Number.isFinite(x) && Number.isFinite(y);
  const parts: string[] = [];
  if (mode.startsWith("lines")) {
    const path = line().defined(shown).digits(2)(points) ?? "";
    parts.push(
      element("path", {
        d: path,
        fill: "none",
        stroke: trace.line?.color ?? box.color,
        "stroke-width": trace.line?.width ?? 2,
        "stroke-linejoin": "round",
        "stroke-linecap": "round",
        "stroke-dasharray": dashArray(trace.line?.dash ?? "solid"),
        opacity,
      }),
    );
  }
  if (mode.endsWith("markers")) {
    const fill = trace.marker?.color ?? trace.line?.color ?? box.color;
    const radius = (trace.marker?.size ?? 6) / 2;
    const circles = points.filter(shown).map(([cx, cy]) => element("circle", { cx, cy, r: radius }));
    parts.push(element("g", { fill, opacity: trace.marker?.opacity ?? opacity }, ...circles));
  }
  return parts.join("");
}

function bars(trace: BarTrace, box: TraceBox): string {
  const width = box.x.bandwidth / box.group.of;
  const zero = Math.min(box.floor, box.y.at(0));
  const drawn = trace.x.map((x: Datum, index) => {
    const left = box.x.at(x) - box.x.bandwidth / 2 + width * box.group.index;
    return column(left, left + width, yOf(trace.y[index], box), zero, box.group.of > 1 ? 1 : 0);
  });
  return element("g", { fill: trace.marker?.color ?? box.color, opacity: trace.opacity }, ...drawn);
}

function histogram(trace: HistogramTrace, box: TraceBox): string {
  const drawn = histogramBars(trace)
    .filter(({ count }) => count > 0)
    .map(({ from, to, count }) => column(box.x.at(from), box.x.at(to), box.y.at(count), box.floor, 0.75));
  return element("g", { fill: trace.marker?.color ?? box.color, opacity: trace.opacity }, ...drawn);
}

function column(left: number, right: number, top: number, bottom: number, gap: number): string {
  if (!Number.isFinite(top)) return "";
  const y = Math.min(top, bottom);
  const width = Math.max(0.5, right - left - 2 * gap);
  return element("rect", { x: left + gap, y, width, height: Math.abs(bottom - top), rx: Math.min(2, width / 4) });
}

function yOf(value: number | null | undefined, box: TraceBox): number {
  return value === null || value === undefined ? Number.NaN : box.y.at(value);
}
