/** Loads a data set by name, from the hub, or from local files. */
import { checkOptions, fail } from "../errors.js";
import type { ProgressListener } from "../hub/progress.js";
import { type AnyRow, type ColumnMap, concatenateColumns, rowCount } from "./columns.js";
import { Dataset } from "./dataset.js";
import { DatasetDict } from "./datasetDict.js";
import { type Format, readDataFile } from "./readers/index.js";
import { type DataFiles, type ResolvedDataset, resolveDataset } from "./resolve.js";
import { resolveSplits, splitNames, unknownSplit } from "./splits.js";

export interface LoadDatasetOptions {
  /** Which rows: a split, a slice of one, or a sum: "train", "train[0:500]", "train[:10%]", "train[-50:]+test". */
  split?: string;
  /** Files or patterns, for the split "train" or by split: "data/*.jsonl", { train: "a.csv", test: "b.csv" }. */
  dataFiles?: DataFiles;
  /** A folder of the repository, or of this machine, to stay in. */
  dataDir?: string;
  /** For a JSON file with one object around the rows: the field that holds them. */
  field?: string;
  /** For CSV: what separates fields. Defaults to "," and for .tsv to a tab. */
  delimiter?: string;
  /** Access token of the hub. Defaults to HF_TOKEN or HUGGINGFACE_TOKEN. */
  token?: string | undefined;
  /** Branch, tag or commit on the hub. Defaults to "main". */
  revision?: string;
  /** Called while files come from the hub. Defaults to a line on the console every five seconds. */
  onProgress?: ProgressListener;
}

/** A builder, or what else a data set is found by. */
type DatasetPath = Format | (string & {});
type WithSplit = LoadDatasetOptions & { split: string };

const LOCAL = "Leave it out: files are read as a whole into memory.";

/** Options of Hugging Face's datasets that people know and tunelab does differently: what to do instead. */
export const ELSEWHERE = {
  streaming: "Leave it out, and give a slice of the split instead: train[0:500].",
  trustRemoteCode: "Leave it out: no code of a repository is run.",
  numProc: LOCAL,
  keepInMemory: LOCAL,
  features: "Leave it out: the files say what their columns hold.",
  columnNames: "Leave it out: the first line of a CSV file names its columns; renameColumn gives other names.",
  sep: "Its name is delimiter.",
  cacheDir: "Set the environment variable HF_HOME.",
  downloadMode: "Leave it out: revision names another state of a repository.",
  name: "Give it as the second argument: loadDataset(path, name, options).",
} as const;

const OPTIONS = ["split", "dataFiles", "dataDir", "field", "delimiter", "token", "revision", "onProgress"];

/**
 * Loads a data set: a name on the hub ("organisation/name"), a local folder or file, or one of the builders "json",
 * "csv" and "parquet" with `dataFiles`.
 * @param path what to load
 * @param name the configuration, when there are several
 * @returns with `split` a Dataset, without it a DatasetDict of all splits
 * @throws TunelabError for an unknown name, configuration, split or option, and for a broken file, named with its line
 */
export function loadDataset<Row extends object = AnyRow>(
  path: DatasetPath,
  name: string | null | undefined,
  options: WithSplit,
): Promise<Dataset<Row>>;
export function loadDataset<Row extends object = AnyRow>(path: DatasetPath, options: WithSplit): Promise<Dataset<Row>>;
export function loadDataset<Row extends object = AnyRow>(
  path: DatasetPath,
  name?: string | null,
  options?: LoadDatasetOptions & { split?: never },
): Promise<DatasetDict<Row>>;
export function loadDataset<Row extends object = AnyRow>(
  path: DatasetPath,
  options?: LoadDatasetOptions & { split?: never },
): Promise<DatasetDict<Row>>;
export async function loadDataset<Row extends object = AnyRow>(
  path: DatasetPath,
  nameOrOptions?: string | null | LoadDatasetOptions,
  maybeOptions?: LoadDatasetOptions,
): Promise<Dataset<Row> | DatasetDict<Row>> {
  const named = typeof nameOrOptions === "string" || nameOrOptions === null || nameOrOptions === undefined;
  const options = (named ? maybeOptions : nameOrOptions) ?? {};
  const name = named ? (nameOrOptions ?? undefined) : undefined;
  checkOptions("loadDataset", options, OPTIONS, ELSEWHERE);
  if (typeof path !== "string" || path === "") fail("loadDataset needs the name or path of a data set.");
  const { split } = options;
  const resolved = await resolveDataset(path, name, options);
  const known = [...resolved.splits.keys()];
  const wanted = split === undefined ? known : splitNames(split);
  for (const wantedSplit of wanted) if (!known.includes(wantedSplit)) unknownSplit(wantedSplit, known);

  const tables = new Map<string, ColumnMap>();
  for (const wantedSplit of wanted) tables.set(wantedSplit, await readSplit(resolved, wantedSplit, options));
  const datasets = new Map([...tables].map(([key, table]) => [key, toDataset<Row>(table)]));
  if (split === undefined) return new DatasetDict(datasets);
  const sizes = new Map([...tables].map(([key, table]) => [key, rowCount(table)]));
  const parts = resolveSplits(split, sizes).map(({ split, start, end }) => datasets.get(split)!.slice(start, end));
  return parts.length === 1 ? parts[0]! : Dataset.concatenate(parts);
}

async function readSplit(resolved: ResolvedDataset, split: string, options: LoadDatasetOptions): Promise<ColumnMap> {
  const { where, splits, format } = resolved;
  const tables: ColumnMap[] = [];
  for (const file of await resolved.local(splits.get(split)!)) {
    tables.push(await readDataFile(file, options, format));
  }
  const table = concatenateColumns(tables);
  if (rowCount(table) === 0) fail(`The split "${split}" of ${where} has no rows.`);
  return table;
}

function toDataset<Row extends object>(table: ColumnMap): Dataset<Row> {
  return Dataset.fromColumns(Object.fromEntries(table)) as unknown as Dataset<Row>;
}
