/** Axes: grid lines, tick labels and titles. */
import { THEME } from "../theme.js";
import { type Box, element, text } from "./elements.js";
import type { PlotScale } from "./scales.js";

export function leftAxis(scale: PlotScale, box: Box, grid: boolean): string {
  return scale.ticks
    .map(({ at, label }) => {
      const line = { x1: box.left, x2: box.right, y1: at, y2: at, stroke: THEME.grid };
      const place = { x: box.left - 8, y: at + 4, "text-anchor": "end", fill: THEME.label };
      return (grid ? element("line", line) : "") + text(label, place);
    })
    .join("");
}

export function rightAxis(scale: PlotScale, box: Box): string {
  return scale.ticks
    .map(({ at, label }) => text(label, { x: box.right + 8, y: at + 4, "text-anchor": "start", fill: THEME.label }))
    .join("");
}

export function bottomAxis(scale: PlotScale, box: Box): string {
  const base = element("line", {
    x1: box.left,
    x2: box.right,
    y1: box.bottom,
    y2: box.bottom,
    stroke: THEME.axis,
  });
  const ticks = scale.ticks.map(({ at, label }) =>
    text(label, { x: at, y: box.bottom + 18, "text-anchor": "middle", fill: THEME.label }),
  );
  return base + ticks.join("");
}

/** @param at pixels from the image's edge: x of a vertical title, y of the horizontal one */
export function axisTitle(side: "left" | "right" | "bottom", title: string | undefined, box: Box, at: number): string {
  if (!title) return "";
  const style = { "text-anchor": "middle", fill: THEME.label };
  if (side === "bottom") return text(title, { ...style, x: (box.left + box.right) / 2, y: at });
  const x = side === "left" ? at + 4 : at - 4;
  const y = (box.top + box.bottom) / 2;
  const angle = side === "left" ? -90 : 90;
  return text(title, { ...style, x, y, transform: `rotate(${angle} ${x} ${y})` });
}
