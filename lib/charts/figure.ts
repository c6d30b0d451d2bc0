/** A chart: Plotly's JSON as the one description, shown interactively in a notebook and as an image everywhere else. */

import { writeFileAtomically } from "../formats/atomicWrite.js";
import type { DisplayBundle } from "./display.js";
import type { FigureSpec, Layout, Trace } from "./spec.js";
import { renderSvg } from "./svg/render.js";
import { CHART_HEIGHT, CHART_WIDTH, THEME } from "./theme.js";

/** An inline image stands on the text's base line, with this much room for descenders below it. */
const BASELINE_GAP = 7;

export const PLOTLY_MIME = "application/vnd.plotly.v1+json";

export class Figure implements FigureSpec {
  readonly data: readonly Trace[];
  /** As given, completed by the theme's fonts, colours and margins. */
  readonly layout: Layout;
  readonly config = { responsive: true, displaylogo: false } as const;

  /** @param layout `height` in pixels is 420 by default; there is no width, the notebook decides it */
  constructor(data: readonly Trace[], layout: Layout = {}) {
    this.data = data;
    this.layout = layout;
  }

  /** Pixels of the image. */
  get height(): number {
    return this.layout.height ?? CHART_HEIGHT;
  }

  /** The chart as an SVG document. */
  toSVG(): string {
    return renderSvg(this, { width: CHART_WIDTH, height: this.height });
  }

  /** The figure as Plotly takes it. Its height makes up for the image's, so that nothing jumps when one replaces it. */
  toJSON(): { data: readonly Trace[]; layout: Layout; config: Readonly<Record<string, unknown>> } {
    return { data: this.data, layout: themed(this.layout, this.height), config: this.config };
  }

  /** Writes the SVG into a file. */
  save(path: string): Promise<void> {
    return writeFileAtomically(path, this.toSVG());
  }

  /** What a notebook shows: interactive where Plotly is, the image elsewhere, one line of text in a terminal. */
  [Symbol.for("Jupyter.display")](): DisplayBundle["data"] {
    return {
      [PLOTLY_MIME]: this.toJSON(),
      "text/html": imageHtml(this.toSVG(), CHART_WIDTH, this.height, summary(this)),
      "text/plain": summary(this),
    };
  }
}

/** An `<img>` that survives an untrusted notebook and an exported page. */
export function imageHtml(svg: string, width: number, height: number, description: string): string {
  const source = `data:image/svg+xml;base64,${Buffer.from(svg).toString("base64")}`;
  const alt = description.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
  return `<img width="${width}" height="${height}" alt="${alt}" src="${source}">`;
}

/** One line: "Training (loss, smoothed loss; 60 points)". */
export function summary({ data, layout }: FigureSpec): string {
  const names = data.flatMap(({ name }) => (name ? [name] : []));
  const points = data.reduce((most, { x }) => Math.max(most, x.length), 0);
  const contents = [names.join(", "), `${points} points`].filter((part) => part !== "").join("; ");
  return `${layout.title?.text ?? "Chart"} (${contents})`;
}

function themed(layout: Layout, height: number): Layout {
  const { title, xaxis, yaxis, yaxis2, ...rest } = layout;
  const axis = { gridcolor: THEME.grid, zeroline: false, automargin: true, exponentformat: "e" };
  return {
    paper_bgcolor: THEME.background,
    plot_bgcolor: THEME.background,
    font: { family: THEME.fontFamily, size: THEME.fontSize, color: THEME.label },
    colorway: THEME.colors,
    hovermode: "x unified",
    hoverlabel: { namelength: -1 },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
    margin: { l: 60, r: 40, t: 80, b: 50 },
    ...rest,
    height: height + BASELINE_GAP,
    ...(title === undefined
      ? {}
      : {
          title: {
            x: 0.02,
            xanchor: "left",
            font: { size: THEME.titleSize, weight: 600, color: THEME.text },
            ...title,
          },
        }),
    xaxis: { ...axis, showgrid: false, linecolor: THEME.axis, ...xaxis },
    yaxis: { ...axis, ...yaxis },
    ...(yaxis2 === undefined
      ? {}
      : {
          yaxis2: {
            ...axis,
            overlaying: "y",
            side: "right",
            tickmode: "auto",
            showgrid: false,
            ...yaxis2,
            // On this side Plotly writes the title over the ticks otherwise.
            ...(yaxis2.title && { title: { standoff: 12, ...yaxis2.title } }),
          },
        }),
  };
}
