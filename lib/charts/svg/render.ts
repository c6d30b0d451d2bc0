/** Draws a figure as one SVG image with its own background: title, legend, axes, traces, and an optional footer. */
import type { Axis, Datum, FigureSpec, Trace } from "../spec.js";
import { seriesColor, THEME } from "../theme.js";
import { axisTitle, bottomAxis, leftAxis, rightAxis } from "./axes.js";
import { type Box, element, escapeXml, text, textWidth } from "./elements.js";
import { type LegendEntry, legend, legendRows } from "./legend.js";
import { categoryScale, numericScale, type PlotScale } from "./scales.js";
import { barTop, drawTrace, histogramBars, isDrawn, type TraceBox } from "./traces.js";

export interface RenderOptions {
  readonly width: number;
  readonly height: number;
  /** A strip below the chart, drawn by the caller. */
  readonly footer?: { readonly height: number; readonly draw: (box: Box) => string };
}

const PADDING = 18;

export function renderSvg(figure: FigureSpec, { width, height, footer }: RenderOptions): string {
  const { layout } = figure;
  const traces = figure.data.filter(isDrawn);
  const entries = legendEntries(figure.data, layout.showlegend);
  const rows = legendRows(entries, width - 2 * PADDING);
  const top = PADDING + (layout.title?.text ? 26 : 0) + rows.length * 20 + (rows.length > 0 ? 12 : 4);
  const bottom = height - (footer?.height ?? 0) - PADDING - 18 - (layout.xaxis?.title?.text ? 20 : 0);
  const left = traces.filter(({ yaxis }) => yaxis !== "y2");
  const right = traces.filter(({ yaxis }) => yaxis === "y2");

  const yScale = valueScale(left, layout.yaxis ?? {}, bottom, top);
  const y2Scale = right.length > 0 ? valueScale(right, layout.yaxis2 ?? {}, bottom, top) : null;
  const box: Box = {
    left: PADDING + widest(yScale) + 8 + (layout.yaxis?.title?.text ? 22 : 0),
    top,
    right: width - PADDING - (y2Scale ? widest(y2Scale) + 8 + (layout.yaxis2?.title?.text ? 22 : 0) : 6),
    bottom,
  };
  const xScale = positionScale(traces, layout.xaxis ?? {}, box);

  const parts = [
    // Read out by screen readers, and shown by browsers that open the image alone.
    element("title", {}, escapeXml(layout.title?.text || "Chart")),
    element("rect", {
      x: 0.5,
      y: 0.5,
      width: width - 1,
      height: height - 1,
      rx: 8,
      fill: THEME.background,
      stroke: THEME.border,
    }),
    layout.title?.text ? title(layout.title.text) : "",
    legend(rows, { left: PADDING, top: PADDING + (layout.title?.text ? 26 : 0) }),
    leftAxis(yScale, box, layout.yaxis?.showgrid !== false),
    y2Scale ? rightAxis(y2Scale, box) : "",
    bottomAxis(xScale, box),
    axisTitle("left", layout.yaxis?.title?.text, box, PADDING),
    axisTitle("right", y2Scale ? layout.yaxis2?.title?.text : undefined, box, width - PADDING),
    axisTitle("bottom", layout.xaxis?.title?.text, box, bottom + 38),
    drawTraces(figure, box, xScale, yScale, y2Scale),
    footer?.draw({ left: PADDING, top: height - footer.height, right: width - PADDING, bottom: height }) ?? "",
  ];
  return element(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      "font-family": THEME.fontFamily,
      "font-size": THEME.fontSize,
    },
    ...parts,
  );
}

function title(content: string): string {
  return text(content, {
    x: PADDING,
    y: PADDING + 12,
    "font-size": THEME.titleSize,
    "font-weight": 600,
    fill: THEME.text,
  });
}

function legendEntries(data: readonly Trace[], wanted: boolean | undefined): LegendEntry[] {
  const named = data.flatMap((trace, index) => (trace.name && trace.showlegend !== false ? [{ trace, index }] : []));
  if (wanted === false || (wanted === undefined && named.length < 2)) return [];
  return named.map(({ trace, index }) => {
    const line = trace.type === "scatter" ? trace.line : undefined;
    return {
      name: trace.name ?? "",
      color: line?.color ?? trace.marker?.color ?? seriesColor(index),
      kind: trace.type === "scatter" ? (trace.mode ?? "lines") : "bar",
      width: Math.max(1.5, line?.width ?? 2),
      dash: line?.dash ?? "solid",
      opacity: trace.opacity ?? 1,
    };
  });
}

function valueScale(traces: readonly Trace[], axis: Axis, bottom: number, top: number): PlotScale {
  const bars = traces.some(({ type }) => type !== "scatter");
  const values = traces.flatMap((trace) =>
    trace.type === "histogram" ? barTop(trace) : trace.y.filter((y) => y !== null),
  );
  const settled: Axis = bars && axis.rangemode === undefined ? { ...axis, rangemode: "tozero" } : axis;
  return numericScale(values, settled, [bottom, top], Math.max(3, Math.round((bottom - top) / 48)));
}

function positionScale(traces: readonly Trace[], axis: Axis, box: Box): PlotScale {
  const values: Datum[] = traces.flatMap((trace): Datum[] =>
    trace.type === "histogram" ? histogramBars(trace).flatMap(({ from, to }) => [from, to]) : [...trace.x],
  );
  const range: [number, number] = [box.left, box.right];
  const categories = axis.type === "category" || values.some((value) => typeof value === "string");
  const bars = traces.some(({ type }) => type === "bar");
  if (categories || bars) return categoryScale(values, range);
  const numbers = values.filter((value): value is number => typeof value === "number");
  return numericScale(numbers, axis, range, Math.max(3, Math.round((box.right - box.left) / 90)));
}

function drawTraces(
  figure: FigureSpec,
  box: Box,
  xScale: PlotScale,
  yScale: PlotScale,
  y2Scale: PlotScale | null,
): string {
  const grouped = figure.layout.barmode === "overlay" ? 1 : figure.data.filter(({ type }) => type === "bar").length;
  let bar = 0;
  const drawn = figure.data.map((trace, index) => {
    if (!isDrawn(trace)) return "";
    const traceBox: TraceBox = {
      x: xScale,
      y: trace.yaxis === "y2" && y2Scale ? y2Scale : yScale,
      floor: box.bottom,
      color: seriesColor(index),
      group: { index: grouped === 1 ? 0 : bar, of: Math.max(1, grouped) },
    };
    if (trace.type === "bar") bar++;
    return drawTrace(trace, traceBox);
  });
  return element("g", {}, ...drawn);
}

function widest(scale: PlotScale): number {
  return scale.ticks.reduce((width, { label }) => Math.max(width, textWidth(label, THEME.fontSize)), 0);
}
