/** Scales and ticks of the axes, from the traces that are drawn against them. */
import { type ScaleBand, type ScaleContinuousNumeric, scaleBand, scaleLinear, scaleLog } from "d3-scale";
import type { Axis, Datum } from "../spec.js";

export interface Tick {
  /** Pixels along the axis. */
  readonly at: number;
  readonly label: string;
}

export interface PlotScale {
  /** Pixels of a value; NaN for what the axis cannot show. */
  readonly at: (value: Datum) => number;
  readonly ticks: readonly Tick[];
  /** Pixels of one category; 0 on a numeric axis. */
  readonly bandwidth: number;
}

/** A scale of numbers over `range` pixels with about `count` ticks at round values. */
export function numericScale(
  values: readonly number[],
  axis: Axis,
  range: readonly [number, number],
  count: number,
): PlotScale {
  const [low, high] = givenRange(axis) ?? paddedExtent(values, axis);
  const scale: ScaleContinuousNumeric<number, number> = axis.type === "log" ? scaleLog() : scaleLinear();
  scale.domain([low, high]).range([...range]);
  if (axis.range === undefined) scale.nice(count);
  const format = axis.tickformat === undefined ? tickFormat(scale.domain()) : scale.tickFormat(count, axis.tickformat);
  const whole = values.length > 0 && values.every(Number.isInteger);
  const shown = scale.ticks(count).filter((value) => !whole || Number.isInteger(value));
  const ticks = shown.map((value) => ({ at: scale(value), label: format(value) }));
  return { at: (value) => (typeof value === "number" ? scale(value) : Number.NaN), ticks, bandwidth: 0 };
}

/** A scale of categories in the order they come. */
export function categoryScale(values: readonly Datum[], range: readonly [number, number]): PlotScale {
  const names = [...new Set(values.filter((value) => value !== null).map(String))];
  const scale: ScaleBand<string> = scaleBand<string>()
    .domain(names)
    .range([...range])
    .paddingInner(0.3)
    .paddingOuter(0.15);
  const middle = (name: string) => (scale(name) ?? Number.NaN) + scale.bandwidth() / 2;
  return {
    at: (value) => middle(String(value)),
    ticks: names.map((name) => ({ at: middle(name), label: name })),
    bandwidth: scale.bandwidth(),
  };
}

/** Round bins over the values, as many as `count` or a few more. */
export function niceBins(values: readonly number[], count: number): { start: number; end: number; size: number } {
  const finite = values.filter(Number.isFinite);
  const low = finite.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = finite.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (low > high) return { start: 0, end: 1, size: 1 };
  if (low === high) return { start: low - 0.5, end: low + 0.5, size: 1 };
  const ticks = scaleLinear().domain([low, high]).nice(count).ticks(count);
  const size = (ticks[1] ?? 1) - (ticks[0] ?? 0);
  const start = ticks[0] ?? low;
  // The largest value belongs into the last bin, not on its far edge.
  const bins = Math.floor((high - start) / size) + 1;
  return { start, end: start + bins * size, size };
}

/** How many values fall into each bin. */
export function countBins(values: readonly number[], bins: { start: number; end: number; size: number }): number[] {
  const counts = new Array<number>(Math.max(1, Math.round((bins.end - bins.start) / bins.size))).fill(0);
  for (const value of values) {
    const index = Math.floor((value - bins.start) / bins.size);
    if (index >= 0 && index < counts.length) counts[index]!++;
  }
  return counts;
}

/** Plotly gives the range of a logarithmic axis in powers of ten. */
function givenRange({ range, type }: Axis): [number, number] | null {
  if (range === undefined) return null;
  return type === "log" ? [10 ** range[0], 10 ** range[1]] : [range[0], range[1]];
}

function paddedExtent(values: readonly number[], axis: Axis): [number, number] {
  const shown = values.filter((value) => Number.isFinite(value) && (axis.type !== "log" || value > 0));
  if (shown.length === 0) return axis.type === "log" ? [1, 10] : [0, 1];
  let low = shown.reduce((a, b) => Math.min(a, b));
  let high = shown.reduce((a, b) => Math.max(a, b));
  if (axis.rangemode === "tozero") {
    low = Math.min(0, low);
    high = Math.max(0, high);
  }
  if (low === high) {
    const room = Math.abs(low) / 10 || 0.5;
    return axis.type === "log" ? [low / 2, high * 2] : [low - room, high + room];
  }
  return [low, high];
}

/** Short labels: thousands with a comma, very small and very large numbers with an exponent. */
function tickFormat(domain: readonly number[]): (value: number) => string {
  const largest = Math.max(...domain.map(Math.abs));
  if (largest > 0 && (largest < 1e-3 || largest >= 1e7)) return (value) => (value === 0 ? "0" : exponent(value));
  return (value) => Number(value.toPrecision(12)).toLocaleString("en-US", { maximumFractionDigits: 6 });
}

function exponent(value: number): string {
  return value
    .toExponential(2)
    .replace(/\.?0+e/, "e")
    .replace("e+", "e")
    .replaceAll("-", "\u2212");
}
