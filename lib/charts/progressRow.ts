/** The row below a training chart: a bar, the step, the speed and the time left. */
import { formatSeconds } from "./duration.js";
import type { Box } from "./svg/elements.js";
import { element, text } from "./svg/elements.js";
import { THEME } from "./theme.js";

export type ProgressStatus = "running" | "finished" | "stopped" | "interrupted" | "failed";

export interface ProgressFigures {
  readonly status: ProgressStatus;
  readonly step: number;
  readonly maxSteps: number;
  readonly loss: number | null;
  readonly tokensPerSecond: number | null;
  readonly etaSeconds: number | null;
  readonly elapsedSeconds: number;
}

export const PROGRESS_HEIGHT = 54;

const COLORS: Record<ProgressStatus, string> = {
  running: THEME.colors[0],
  finished: THEME.colors[2],
  stopped: THEME.colors[6],
  interrupted: THEME.colors[6],
  failed: THEME.colors[4],
};

export function progressRow(figures: ProgressFigures, box: Box): string {
  const { status, step, maxSteps } = figures;
  const width = box.right - box.left;
  const done = maxSteps > 0 ? Math.min(1, step / maxSteps) : 0;
  const bar = { x: box.left, y: box.top + 6, height: 6, rx: 3 };
  return [
    element("rect", { ...bar, width, fill: THEME.grid }),
    done > 0 ? element("rect", { ...bar, width: Math.max(6, width * done), fill: COLORS[status] }) : "",
    text(progressText(figures), { x: box.left, y: box.top + 34, fill: THEME.text, "font-weight": 500 }),
    text(timeText(figures), { x: box.right, y: box.top + 34, "text-anchor": "end", fill: THEME.label }),
  ].join("");
}

/** "Step 34 of 60 · loss 1.2345 · 512 tok/s" */
export function progressText({ status, step, maxSteps, loss, tokensPerSecond }: ProgressFigures): string {
  const where = status !== "running" && status !== "finished" ? "Stopped after step" : "Step";
  const parts = [`${where} ${step.toLocaleString("en-US")} of ${maxSteps.toLocaleString("en-US")}`];
  if (loss !== null) parts.push(`loss ${loss.toFixed(4)}`);
  if (tokensPerSecond !== null) parts.push(`${Math.round(tokensPerSecond).toLocaleString("en-US")} tok/s`);
  return parts.join(" · ");
}

/** The same with the time: "Step 34 of 60 · loss 1.2345 · 512 tok/s · 26 s left" */
export function progressLine(figures: ProgressFigures): string {
  return `${progressText(figures)} · ${timeText(figures)}`;
}

function timeText({ status, etaSeconds, elapsedSeconds }: ProgressFigures): string {
  if (status === "running") return etaSeconds === null ? "starting" : `${formatSeconds(etaSeconds)} left`;
  const words = {
    finished: "finished in",
    stopped: "stopped after",
    interrupted: "interrupted after",
    failed: "failed after",
  };
  return `${words[status]} ${formatSeconds(elapsedSeconds)}`;
}
