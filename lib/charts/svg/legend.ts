/** The legend: swatches and names in rows below the title. */
import type { LineStyle } from "../spec.js";
import { THEME } from "../theme.js";
import { element, text, textWidth } from "./elements.js";
import { dashArray } from "./traces.js";

export interface LegendEntry {
  readonly name: string;
  readonly color: string;
  readonly kind: "lines" | "markers" | "lines+markers" | "bar";
  readonly width: number;
  readonly dash: NonNullable<LineStyle["dash"]>;
  readonly opacity: number;
}

const SWATCH = 22;
const GAP = 20;

/** Entries broken into rows of at most `width` pixels. */
export function legendRows(entries: readonly LegendEntry[], width: number): LegendEntry[][] {
  const rows: LegendEntry[][] = [];
  let used = Number.POSITIVE_INFINITY;
  for (const entry of entries) {
    const needed = entryWidth(entry);
    if (used + needed > width) {
      rows.push([]);
      used = 0;
    }
    rows.at(-1)?.push(entry);
    used += needed;
  }
  return rows;
}

export function legend(rows: readonly LegendEntry[][], place: { left: number; top: number }): string {
  return rows
    .flatMap((row, index) => {
      let x = place.left;
      return row.map((entry) => {
        const drawn = drawEntry(entry, x, place.top + 20 * index + 10);
        x += entryWidth(entry);
        return drawn;
      });
    })
    .join("");
}

function entryWidth({ name }: LegendEntry): number {
  return SWATCH + 6 + textWidth(name, THEME.fontSize) + GAP;
}

function drawEntry(entry: LegendEntry, x: number, y: number): string {
  const { name, color, kind, width, dash, opacity } = entry;
  const parts: string[] = [];
  if (kind === "bar") {
    parts.push(element("rect", { x: x + 4, y: y - 6, width: 14, height: 12, rx: 2, fill: color, opacity }));
  }
  if (kind.startsWith("lines")) {
    const line = { x1: x, x2: x + SWATCH, y1: y, y2: y, stroke: color, "stroke-width": width, opacity };
    parts.push(element("line", { ...line, "stroke-dasharray": dashArray(dash) }));
  }
  if (kind.endsWith("markers"))
    parts.push(element("circle", { cx: x + SWATCH / 2, cy: y, r: 3.5, fill: color, opacity }));
  parts.push(text(name, { x: x + SWATCH + 6, y: y + 4, fill: THEME.label }));
  return parts.join("");
}
