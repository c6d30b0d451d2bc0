/** `table`: rows of values as a table in a notebook, and as aligned text in a terminal. */
import { inspect } from "node:util";
import { checkOptions } from "../errors.js";
import type { DisplayBundle } from "./display.js";
import { THEME } from "./theme.js";

export interface TableOptions {
  /** Line above the table. Default none. */
  caption?: string;
}

export class Table {
  readonly columns: readonly string[];

  constructor(
    readonly rows: readonly Readonly<Record<string, unknown>>[],
    readonly caption: string | null = null,
  ) {
    this.columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  }

  toHtml(): string {
    const numeric = this.columns.filter((column) => this.#isNumeric(column));
    const align = (column: string) => (numeric.includes(column) ? "right" : "left");
    const cell = (tag: "th" | "td", column: string, content: string) =>
      `<${tag} style="text-align:${align(column)};padding:4px 12px;white-space:pre-wrap;vertical-align:top">` +
      `${escapeHtml(content)}</${tag}>`;
    const head = this.columns.map((column) => cell("th", column, column)).join("");
    const body = this.rows
      .map((row) => `<tr>${this.columns.map((column) => cell("td", column, format(row[column]))).join("")}</tr>`)
      .join("");
    const caption =
      this.caption === null
        ? ""
        : `<caption style="text-align:left;font-weight:600;padding:4px 12px;caption-side:top">${escapeHtml(this.caption)}</caption>`;
    return `<table style="border-collapse:collapse;font-size:${THEME.fontSize + 1}px">${caption}<thead><tr>${head}</tr></thead><tbody>${body}</tbody></table>`;
  }

  toString(): string {
    const cells = this.rows.map((row) => this.columns.map((column) => format(row[column]).replaceAll("\n", " ")));
    const widths = this.columns.map((column, index) =>
      cells.reduce((width, row) => Math.max(width, row[index]!.length), column.length),
    );
    const line = (row: readonly string[]) =>
      row
        .map((content, index) =>
          this.#isNumeric(this.columns[index]!) ? content.padStart(widths[index]!) : content.padEnd(widths[index]!),
        )
        .join("  ")
        .trimEnd();
    const rule = widths.map((width) => "-".repeat(width)).join("  ");
    const lines = [line(this.columns), rule, ...cells.map(line)];
    return (this.caption === null ? lines : [this.caption, ...lines]).join("\n");
  }

  [Symbol.for("Jupyter.display")](): DisplayBundle["data"] {
    return { "text/html": this.toHtml(), "text/plain": this.toString() };
  }

  [inspect.custom](): string {
    return this.toString();
  }

  #isNumeric(column: string): boolean {
    const values = this.rows.map((row) => row[column]).filter((value) => value !== undefined && value !== null);
    return values.length > 0 && values.every((value) => typeof value === "number" || typeof value === "bigint");
  }
}

/** A table of `rows`; its columns are the rows' keys in the order they first come. */
export function table(rows: readonly Readonly<Record<string, unknown>>[], options: TableOptions = {}): Table {
  checkOptions("table", options, ["caption"]);
  return new Table(rows, options.caption ?? null);
}

function format(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "bigint") return value.toLocaleString("en-US");
  if (typeof value === "number") {
    if (Number.isInteger(value)) return value.toLocaleString("en-US");
    return Math.abs(value) < 1e-3 || Math.abs(value) >= 1e7
      ? value.toExponential(3)
      : String(Number(value.toPrecision(5)));
  }
  return typeof value === "string" ? value : typeof value === "object" ? JSON.stringify(value) : String(value);
}

function escapeHtml(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
