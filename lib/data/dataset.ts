/** A table in memory with the verbs of Hugging Face's datasets; each verb returns a new one. */
import { inspect } from "node:util";
import { type ColumnTable, table } from "arquero";
import { checkOptions, fail, shown, suggestion } from "../errors.js";
import { permutation } from "../random.js";
import {
  type AnyRow,
  type ColumnMap,
  type Columns,
  columnsFromRows,
  concatenateColumns,
  type RowOf,
  rowCount,
} from "./columns.js";
import { jupyterDisplay, summary, toHtml } from "./display.js";
import { filterRows, mapBatches, mapRows, rowAt } from "./map.js";

export interface MapOptions {
  /** Column or columns to leave out of the result; the function still sees them. Defaults to none. */
  removeColumns?: string | readonly string[];
}

export interface BatchedMapOptions extends MapOptions {
  /** The function gets columns, `{ name: array }`, and returns columns. */
  batched: true;
  /** Rows a call. Defaults to 1000. */
  batchSize?: number;
}

export interface ShuffleOptions {
  /** The same seed gives the same order. Defaults to a new one each time. */
  seed?: number;
}

export interface TrainTestSplitOptions extends ShuffleOptions {
  /** Rows of the test part, or their share when below 1. Defaults to 0.25. */
  testSize?: number;
  /** Shuffle before the split. Defaults to true. */
  shuffle?: boolean;
}

const IN_MEMORY = "Leave it out: rows are in memory, and nothing is cached.";

/** Options of Hugging Face's datasets that people know and tunelab does differently: what to do instead. */
export const ELSEWHERE = {
  numProc: "Leave it out: calls come one after the other, in this process.",
  withIndices: "Leave it out: the function gets the row's index as its second argument, or the rows' with batched.",
  inputColumns: "Leave it out: the function gets the whole row.",
  fnKwargs: "Leave it out: a function sees the variables around it.",
  desc: "Leave it out: map shows no bar.",
  dropLastBatch: "Leave it out: slice the data set to whole batches before.",
  loadFromCacheFile: IN_MEMORY,
  keepInMemory: IN_MEMORY,
  writerBatchSize: IN_MEMORY,
  cacheFileName: IN_MEMORY,
  features: IN_MEMORY,
  trainSize: "Give testSize: the rest is for training.",
  stratifyByColumn: "Leave it out, or filter the data set by that column and split the parts.",
  generator: "Give seed.",
} as const;

const MAP_OPTIONS = ["batched", "batchSize", "removeColumns"];

export class Dataset<Row extends object = AnyRow> {
  readonly #columns: ColumnMap;
  readonly numRows: number;
  readonly columnNames: string[];

  /** Use `Dataset.fromColumns`, `Dataset.fromArray` or `loadDataset`. */
  private constructor(columns: ColumnMap) {
    this.#columns = columns;
    this.numRows = rowCount(columns);
    this.columnNames = [...columns.keys()];
  }

  /** A data set of `{ name: values }`; all columns must have the same length. */
  static fromColumns<C extends Record<string, readonly unknown[]>>(columns: C): Dataset<RowOf<C>> {
    const map = new Map(Object.entries(columns).map(([name, values]) => [name, [...values]]));
    const rows = rowCount(map);
    for (const [name, values] of map) {
      if (values.length !== rows) {
        fail(`The column "${name}" has ${values.length} values, but "${[...map.keys()][0]}" has ${rows}.`);
      }
    }
    return new Dataset(map);
  }

  /** A data set of row objects; a key that a row lacks is null there. */
  static fromArray<R extends object>(rows: Iterable<R>): Dataset<R> {
    return new Dataset(columnsFromRows(rows));
  }

  /** Rows of several data sets after each other. */
  static concatenate<R extends object>(datasets: readonly Dataset<R>[]): Dataset<R> {
    return new Dataset(concatenateColumns(datasets.map((dataset) => dataset.#columns)));
  }

  /** The values of one column, one a row. */
  column<Name extends keyof Row & string>(name: Name): readonly Row[Name][] {
    return this.#column(name) as readonly Row[Name][];
  }

  /** Row `index`; negative counts from the end. */
  row(index: number): Row {
    const at = index < 0 ? this.numRows + index : index;
    if (!Number.isInteger(index) || at < 0 || at >= this.numRows) {
      fail(`There is no row ${index} in a data set of ${this.numRows} rows.`);
    }
    return rowAt(this.#columns, at) as Row;
  }

  /** Rows `start` up to, not including, `end`, as Array.prototype.slice counts. */
  slice(start?: number, end?: number): Dataset<Row> {
    return this.#with(new Map([...this.#columns].map(([name, values]) => [name, values.slice(start, end)])));
  }

  /** The rows at `indices`, in that order. */
  select(indices: Iterable<number>): Dataset<Row> {
    if (typeof indices !== "object" || indices === null) {
      fail(`select takes a list of indices, got ${shown(indices)}.`, { hint: "slice(0, n) gives the first n rows." });
    }
    const list = [...indices];
    const outside = list.find((index) => !Number.isInteger(index) || index < 0 || index >= this.numRows);
    if (outside !== undefined) fail(`There is no row ${outside} in a data set of ${this.numRows} rows.`);
    return this.#with(new Map([...this.#columns].map(([name, values]) => [name, list.map((index) => values[index])])));
  }

  /** The rows in a random order. */
  shuffle(options: ShuffleOptions = {}): Dataset<Row> {
    checkOptions("shuffle", options, ["seed"], ELSEWHERE);
    return this.select(permutation(this.numRows, options.seed ?? newSeed()));
  }

  /** Two data sets that together hold every row once; the test part is rounded up. */
  trainTestSplit(options: TrainTestSplitOptions = {}): { train: Dataset<Row>; test: Dataset<Row> } {
    checkOptions("trainTestSplit", options, ["testSize", "shuffle", "seed"], ELSEWHERE);
    const { testSize = 0.25, shuffle = true, seed } = options;
    const test = testSize < 1 ? Math.ceil(this.numRows * testSize) : testSize;
    if (!Number.isInteger(test) || test < 1 || test >= this.numRows) {
      fail(`testSize ${testSize} leaves no two parts of ${this.numRows} rows.`);
    }
    const order = shuffle ? permutation(this.numRows, seed ?? newSeed()) : new Int32Array(0);
    const train = this.numRows - test;
    return shuffle
      ? { train: this.select(order.subarray(test)), test: this.select(order.subarray(0, test)) }
      : { train: this.slice(0, train), test: this.slice(train) };
  }

  /**
   * Applies a function to every row, or with `batched: true` to columns of up to `batchSize` rows, and sets the
   * columns that it returns. The function may be async; calls come one after the other.
   * @throws TunelabError when returned columns do not have one value a row, or an unknown column is read
   */
  map<Out extends object, In extends object = Columns<Row>>(
    fn: (columns: In, indices: number[]) => Out | Promise<Out>,
    options: BatchedMapOptions,
  ): Promise<Dataset<Row & RowOf<Out>>>;
  map<Out extends object | undefined, In extends object = Row>(
    fn: (row: In, index: number) => Out | Promise<Out>,
    options?: MapOptions & { batched?: false },
  ): Promise<Dataset<Row & NonNullable<Out>>>;
  async map(
    fn: (input: never, index: never) => unknown,
    options: MapOptions & { batched?: boolean; batchSize?: number } = {},
  ): Promise<Dataset<Row>> {
    checkOptions("map", options, MAP_OPTIONS, ELSEWHERE);
    const { batched = false, batchSize = 1000 } = options;
    const removeColumns = [options.removeColumns ?? []].flat();
    if (typeof fn !== "function") fail(`map() needs a function, got ${typeof fn}.`);
    if (!Number.isInteger(batchSize) || batchSize < 1)
      fail(`batchSize must be a positive whole number, got ${batchSize}.`);
    for (const name of removeColumns) this.#column(name);
    const apply = fn as (input: object, index: unknown) => unknown;
    return this.#with(
      batched
        ? await mapBatches(this.#columns, apply, removeColumns, batchSize)
        : await mapRows(this.#columns, apply, removeColumns),
    );
  }

  /** The rows for which `fn` returns true; it may be async. */
  async filter<In extends object = Row>(
    fn: (row: In, index: number) => boolean | Promise<boolean>,
  ): Promise<Dataset<Row>> {
    return this.select(await filterRows(this.#columns, fn as (row: object, index: number) => unknown));
  }

  /** With one column more, or in the place of one of that name. */
  addColumn<Name extends string, Value>(name: Name, values: readonly Value[]): Dataset<Row & Record<Name, Value>> {
    if (this.columnNames.length > 0 && values.length !== this.numRows) {
      fail(`The column "${name}" has ${values.length} values for ${this.numRows} rows.`);
    }
    return new Dataset(new Map<string, readonly unknown[]>([...this.#columns, [name, [...values]]]));
  }

  removeColumns(...columns: (string | readonly string[])[]): Dataset<Row> {
    const names = columns.flat();
    for (const name of names) this.#column(name);
    return this.#with(new Map([...this.#columns].filter(([name]) => !names.includes(name))));
  }

  selectColumns(...columns: (string | readonly string[])[]): Dataset<Row> {
    const names = columns.flat();
    return this.#with(new Map(names.map((name) => [name, this.#column(name)])));
  }

  renameColumn(from: string, to: string): Dataset {
    this.#column(from);
    if (this.#columns.has(to) && to !== from) fail(`There is a column "${to}" already.`);
    return new Dataset(new Map([...this.#columns].map(([name, values]) => [name === from ? to : name, values])));
  }

  /** All rows as objects. */
  toArray(): Row[] {
    return [...this];
  }

  /** An arquero table of the same columns. */
  toArquero(): ColumnTable {
    return table([...this.#columns].map(([name, values]) => [name, [...values]]) as [string, unknown[]][]);
  }

  *[Symbol.iterator](): IterableIterator<Row> {
    for (let index = 0; index < this.numRows; index++) yield rowAt(this.#columns, index) as Row;
  }

  toString(): string {
    return `Dataset(${summary(this.#columns)})`;
  }

  [inspect.custom](): string {
    return this.toString();
  }

  /** What Jupyter shows: the first rows. */
  [jupyterDisplay](): Record<string, string> {
    return { "text/html": toHtml(this.#columns), "text/plain": this.toString() };
  }

  #column(name: string): readonly unknown[] {
    const hint = this.columnNames.length > 0 ? suggestion(name, this.columnNames) : "It has no columns at all.";
    return this.#columns.get(name) ?? fail(`The data set has no column "${name}".`, { hint });
  }

  #with(columns: ColumnMap): Dataset<Row> {
    return new Dataset<Row>(columns);
  }
}

/** Without a seed of the caller's, each order is a new one. */
function newSeed(): number {
  return Math.floor(Math.random() * 2 ** 32);
}
