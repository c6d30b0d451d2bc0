/** Dataset.map and Dataset.filter: functions over rows or batches of columns, one after the other. */
import { fail } from "../errors.js";
import { type AnyRow, type ColumnMap, columnsFromRows, rowCount, strict } from "./columns.js";

const WHAT = "The data set";

/** Row `index` as an object that refuses unknown column names. */
export function rowAt(columns: ColumnMap, index: number): AnyRow {
  const row: AnyRow = {};
  for (const [name, column] of columns) row[name] = column[index];
  return row;
}

/** Applies `fn` to each row and merges what it returns into the row; undefined leaves the row as it is. */
export async function mapRows(
  columns: ColumnMap,
  fn: (row: AnyRow, index: number) => unknown,
  removed: readonly string[],
): Promise<Map<string, unknown[]>> {
  const rows: AnyRow[] = [];
  for (let index = 0; index < rowCount(columns); index++) {
    const row = rowAt(columns, index);
    const result = await fn(strict({ ...row }, WHAT), index);
    if (result !== undefined && (typeof result !== "object" || result === null || Array.isArray(result))) {
      fail(`map(): the function returned ${describe(result)} for row ${index}, not an object with columns.`);
    }
    for (const name of removed) delete row[name];
    rows.push({ ...row, ...result });
  }
  return columnsFromRows(rows);
}

/** Applies `fn` to batches of columns and sets the columns that it returns. */
export async function mapBatches(
  columns: ColumnMap,
  fn: (batch: Record<string, unknown[]>, indices: number[]) => unknown,
  removed: readonly string[],
  batchSize: number,
): Promise<Map<string, unknown[]>> {
  const total = rowCount(columns);
  if (total === 0) return new Map([...columns].map(([name]) => [name, []]));
  const result = new Map<string, unknown[]>();
  for (let start = 0; start < total; start += batchSize) {
    const end = Math.min(start + batchSize, total);
    const batch = Object.fromEntries([...columns].map(([name, column]) => [name, column.slice(start, end)]));
    const indices = Array.from({ length: end - start }, (_, i) => start + i);
    const returned = checkBatch(await fn(strict({ ...batch }, WHAT), indices));
    for (const name of removed) delete batch[name];
    const merged = { ...batch, ...returned };
    checkLengths(merged, returned, end - start);
    for (const [name, values] of Object.entries(merged)) {
      const column = result.get(name) ?? [];
      if (result.size > 0 && start > 0 && !result.has(name)) {
        fail(`map(): the column "${name}" was returned for the batch from row ${start} but not for those before it.`);
      }
      for (const value of values) column.push(value ?? null);
      result.set(name, column);
    }
    for (const name of result.keys()) {
      if (!(name in merged)) fail(`map(): the column "${name}" was not returned for the batch from row ${start}.`);
    }
  }
  return result;
}

/** The indices of the rows for which `fn` returns a truthy value. */
export async function filterRows(columns: ColumnMap, fn: (row: AnyRow, index: number) => unknown): Promise<number[]> {
  const kept: number[] = [];
  for (let index = 0; index < rowCount(columns); index++) {
    if (await fn(strict(rowAt(columns, index), WHAT), index)) kept.push(index);
  }
  return kept;
}

function checkBatch(returned: unknown): Record<string, unknown[]> {
  if (returned === undefined) return {};
  if (typeof returned !== "object" || returned === null || Array.isArray(returned)) {
    fail(`map(): the batched function returned ${describe(returned)}, not an object of columns.`, {
      hint: "Return for example { text: texts }, with one array a column.",
    });
  }
  for (const [name, values] of Object.entries(returned)) {
    if (!Array.isArray(values)) {
      fail(`map(): the batched function returned ${describe(values)} as column "${name}", not an array.`, {
        hint: "With batched: true a column is an array with one value a row.",
      });
    }
  }
  return returned as Record<string, unknown[]>;
}

/** Rows of the merged batch; another number than before needs every old column removed or replaced. */
function checkLengths(merged: Record<string, unknown[]>, returned: Record<string, unknown[]>, rows: number): void {
  const [first, ...others] = Object.entries(returned);
  if (first === undefined) return;
  const [name, { length }] = first;
  for (const [other, values] of others) {
    if (values.length !== length) {
      fail(`map(): the returned columns differ in length: "${name}" has ${length}, "${other}" has ${values.length}.`);
    }
  }
  const kept = Object.keys(merged).some((column) => !(column in returned));
  if (kept && length !== rows) {
    fail(`map(): the returned column "${name}" has ${length} values for a batch of ${rows} rows.`, {
      hint: "Return one value a row, or name the old columns in removeColumns.",
    });
  }
}

function describe(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}
