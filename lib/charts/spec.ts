/** The part of Plotly's figure JSON that charts are written in; it is what the SVG renderer draws. */

/** A coordinate: a number, a category, or null for a gap. */
export type Datum = number | string | null;

export interface LineStyle {
  color?: string;
  /** Pixels. */
  width?: number;
  dash?: "solid" | "dash" | "dot";
}

export interface MarkerStyle {
  color?: string;
  /** Diameter in pixels. */
  size?: number;
  opacity?: number;
}

interface CommonTrace {
  name?: string;
  opacity?: number;
  showlegend?: boolean;
  /** "y2" draws against the second, right axis. */
  yaxis?: "y" | "y2";
  hovertemplate?: string;
}

export interface ScatterTrace extends CommonTrace {
  type: "scatter";
  mode?: "lines" | "markers" | "lines+markers";
  x: readonly Datum[];
  y: readonly (number | null)[];
  line?: LineStyle;
  marker?: MarkerStyle;
}

export interface BarTrace extends CommonTrace {
  type: "bar";
  x: readonly Datum[];
  y: readonly (number | null)[];
  marker?: MarkerStyle;
}

export interface HistogramTrace extends CommonTrace {
  type: "histogram";
  x: readonly number[];
  xbins?: { start: number; end: number; size: number };
  marker?: MarkerStyle;
}

export type Trace = ScatterTrace | BarTrace | HistogramTrace;

export interface Axis {
  title?: { text: string; standoff?: number };
  type?: "linear" | "log" | "category";
  range?: readonly [number, number];
  /** "tozero" makes the axis start at 0. */
  rangemode?: "normal" | "tozero" | "nonnegative";
  /** d3 format of the tick labels, e.g. ".0e". */
  tickformat?: string;
  overlaying?: "y";
  side?: "left" | "right";
  showgrid?: boolean;
  [key: string]: unknown;
}

export interface Layout {
  title?: { text: string; [key: string]: unknown };
  xaxis?: Axis;
  yaxis?: Axis;
  yaxis2?: Axis;
  /** Pixels. */
  height?: number;
  barmode?: "group" | "overlay";
  showlegend?: boolean;
  [key: string]: unknown;
}

export interface FigureSpec {
  readonly data: readonly Trace[];
  readonly layout: Layout;
}
