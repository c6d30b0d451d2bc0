/** How a data set shows itself in a notebook: its first rows as a table. */
import type { ColumnMap } from "./columns.js";
import { rowCount } from "./columns.js";

/** The method by which an object says how Jupyter shows it, as Deno's kernel names it. */
export const jupyterDisplay: unique symbol = Symbol.for("Jupyter.display");

const SHOWN_ROWS = 5;
const SHOWN_CHARACTERS = 240;

/** A small HTML table of the first rows; long values are cut, everything is escaped. */
export function toHtml(columns: ColumnMap): string {
  const names = [...columns.keys()];
  const rows = rowCount(columns);
  const head = names.map((name) => `<th style="text-align:left">${escapeHtml(name)}</th>`).join("");
  const body = Array.from({ length: Math.min(rows, SHOWN_ROWS) }, (_, row) => {
    const cells = names.map((name) => {
      const text = escapeHtml(cut(cellText(columns.get(name)![row]), SHOWN_CHARACTERS));
      return `<td style="text-align:left;vertical-align:top;white-space:pre-wrap">${text}</td>`;
    });
    return `<tr><th>${row}</th>${cells.join("")}</tr>`;
  });
  return `<table><thead><tr><th></th>${head}</tr></thead><tbody>${body.join("")}</tbody></table><p>${summary(columns)}</p>`;
}

/** One line: how many rows, and the columns' names. */
export function summary(columns: ColumnMap): string {
  const names = [...columns.keys()].map(escapeHtml).join(", ");
  const rows = rowCount(columns);
  return `${rows.toLocaleString("en-US")} ${rows === 1 ? "row" : "rows"}: ${names || "no columns"}`;
}

function cellText(value: unknown): string {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return "";
  if (value instanceof Date) return value.toISOString();
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)} …`;
}

/** Text that is safe between tags and in attributes. */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
