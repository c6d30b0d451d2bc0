/** The results as a Markdown table: one row a measure, one column a kernel, ratios to ours, reasons below. */
import { type Absent, type Contender, OURS } from "./contenders.js";
import { type Measure, median } from "./measures.js";

/** By row and contender. */
export type Results = Record<string, Record<string, { values: number[]; reason?: string }>>;

export function renderTable(given: {
  measures: readonly Measure[];
  contenders: readonly (Contender | Absent)[];
  results: Results;
}): string {
  const notes: string[] = [];
  const note = (reason: string) => {
    const known = notes.indexOf(reason);
    return `— [${known >= 0 ? known + 1 : notes.push(reason)}]`;
  };
  const head = given.contenders.map((one) => ("version" in one ? `${one.name} ${one.version}` : one.name));
  const lines = [`| | ${head.join(" | ")} |`, `|---${"|---".repeat(head.length)}|`];
  for (const measure of given.measures) {
    for (const [row, { unit, moreIsBetter, onlyOurs }] of Object.entries(measure.rows)) {
      const ours = median(given.results[row]?.[OURS]?.values ?? []);
      const cells = given.contenders.map((one) => {
        const cell = given.results[row]?.[one.name];
        if (onlyOurs && one.name !== OURS) return "";
        if (cell === undefined || cell.reason !== undefined) {
          return note(`${one.name}: ${"reason" in one ? one.reason : (cell?.reason ?? "not measured")}`);
        }
        const value = median(cell.values);
        const shown = `${format(value)} ${unit}`;
        if (one.name.startsWith(OURS)) return shown;
        return `${shown} (${format(moreIsBetter ? ours / value : value / ours)}×)`;
      });
      lines.push(`| ${row} | ${cells.join(" | ")} |`);
    }
  }
  return [...lines, "", ...notes.map((text, index) => `[${index + 1}] ${text}.`)].join("\n");
}

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(2);
}
