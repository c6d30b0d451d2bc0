/** Tables as columns: what a data set holds, and what batched functions receive and return. */
import { fail, suggestion } from "../errors.js";

/** A row of any data set. */
export type AnyRow = Record<string, unknown>;

/** The columns of rows of type `Row`. */
export type Columns<Row> = { [Name in keyof Row]: Row[Name][] };

/** The rows of columns of type `C`. */
export type RowOf<C> = { [Name in keyof C]: C[Name] extends readonly (infer Value)[] ? Value : never };

/** Columns by name, all of one length. */
export type ColumnMap = ReadonlyMap<string, readonly unknown[]>;

/** Columns of rows whose keys may differ: a key that a row lacks is null there, names come in order of appearance. */
export function columnsFromRows(rows: Iterable<object>): Map<string, unknown[]> {
  const columns = new Map<string, unknown[]>();
  let count = 0;
  for (const row of rows) {
    for (const [name, value] of Object.entries(row)) {
      let column = columns.get(name);
      if (!column) {
        column = new Array<unknown>(count).fill(null);
        columns.set(name, column);
      }
      column.push(value ?? null);
    }
    count++;
    for (const column of columns.values()) if (column.length < count) column.push(null);
  }
  return columns;
}

/** Several tables below each other; a column that one of them lacks is null there. */
export function concatenateColumns(tables: readonly ColumnMap[]): Map<string, unknown[]> {
  const names = new Set(tables.flatMap((table) => [...table.keys()]));
  const columns = new Map<string, unknown[]>([...names].map((name) => [name, []]));
  for (const table of tables) {
    const rows = rowCount(table);
    for (const [name, column] of columns) {
      const values = table.get(name);
      for (let row = 0; row < rows; row++) column.push(values ? values[row] : null);
    }
  }
  return columns;
}

export function rowCount(columns: ColumnMap): number {
  return columns.values().next().value?.length ?? 0;
}

/**
 * The same object, except that reading a name that it does not have is an error that names the nearest one: a
 * misspelt column in a notebook would otherwise be "Cannot read properties of undefined".
 * @param part what its names are
 * @param hintFor the way out for a name, where it is not among the names that there are
 */
export function strict<T extends object>(
  value: T,
  what: string,
  part = "column",
  hintFor: (key: string) => string | undefined = () => undefined,
): T {
  return new Proxy(value, {
    get(target, key, receiver) {
      // Promises and JSON.stringify probe for these on anything.
      if (typeof key === "string" && !(key in target) && key !== "then" && key !== "toJSON") {
        const names = Object.keys(target);
        fail(`${what} has no ${part} "${key}".`, {
          hint: hintFor(key) ?? (names.length > 0 ? suggestion(key, names) : `It has no ${part}s at all.`),
        });
      }
      return Reflect.get(target, key, receiver);
    },
  });
}
