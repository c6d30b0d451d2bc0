/** Colours and type of all charts, the same in the SVG and in the interactive figure. Light, with an own background. */

export const THEME = {
  background: "#ffffff",
  border: "#e5e7eb",
  grid: "#eef0f4",
  axis: "#9ca3af",
  /** Tick labels and legend. */
  label: "#4b5563",
  /** Titles. */
  text: "#111827",
  fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif",
  fontSize: 12,
  titleSize: 15,
  /** Series in order; told apart with the common colour-vision deficiencies. */
  colors: ["#2563eb", "#ea580c", "#059669", "#9333ea", "#dc2626", "#0891b2", "#ca8a04", "#64748b"],
} as const;

export const CHART_WIDTH = 860;
export const CHART_HEIGHT = 420;

/** Colour of the n-th series. */
export function seriesColor(index: number): string {
  return THEME.colors[index % THEME.colors.length] as string;
}
