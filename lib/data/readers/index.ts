/** Picks the reader of a data file by its name. */
import { fail } from "../../errors.js";
import { readCsv } from "./csv.js";
import { readJson, readJsonLines } from "./json.js";
import { readParquet } from "./parquet.js";

export interface ReadOptions {
  /** For JSON: the field that holds the list of rows. */
  field?: string;
  /** For CSV: what separates fields. */
  delimiter?: string;
}

/** Builders as load_dataset names them. */
export const FORMATS = ["json", "csv", "parquet"] as const;
export type Format = (typeof FORMATS)[number];

/** The format that a file's name tells; undefined when it is no data file. */
export function formatOf(path: string): Format | undefined {
  if (/\.(?:jsonl|ndjson|json)(?:\.gz)?$/i.test(path)) return "json";
  if (/\.(?:csv|tsv)(?:\.gz)?$/i.test(path)) return "csv";
  return /\.parquet$/i.test(path) ? "parquet" : undefined;
}

/**
 * Reads one data file into columns.
 * @param format overrules the file's name
 */
export async function readDataFile(
  path: string,
  options: ReadOptions,
  format = formatOf(path),
): Promise<Map<string, unknown[]>> {
  switch (format) {
    case "json":
      return /\.(?:jsonl|ndjson)(?:\.gz)?$/i.test(path) ? readJsonLines(path) : readJson(path, options.field);
    case "csv":
      return readCsv(path, options.delimiter);
    case "parquet":
      return readParquet(path);
    default:
      return fail(`${path} is no data file of a known kind.`, { hint: "Use .jsonl, .json, .csv, .tsv or .parquet." });
  }
}
