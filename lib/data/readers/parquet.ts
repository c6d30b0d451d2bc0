/** Parquet files as columns, every codec included. */
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { fail } from "../../errors.js";
import { type AnyRow, columnsFromRows } from "../columns.js";

/** Reads a whole file. 64-bit integers become numbers where that is exact, and stay bigint otherwise. */
export async function readParquet(path: string): Promise<Map<string, unknown[]>> {
  let rows: AnyRow[];
  try {
    rows = await parquetReadObjects({ file: await asyncBufferFromFile(path), compressors });
  } catch (cause) {
    fail(`${path} cannot be read as Parquet: ${(cause as Error).message}.`, { cause, hint: "Download it again." });
  }
  return new Map([...columnsFromRows(rows)].map(([name, values]) => [name, values.map(plain)]));
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  }
  return value;
}
