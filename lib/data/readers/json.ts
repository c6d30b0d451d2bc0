/** JSON and JSON Lines files as columns. */
import { fail } from "../../errors.js";
import { type AnyRow, columnsFromRows } from "../columns.js";
import { linesOf, readText } from "./lines.js";

/** One JSON object a line; empty lines are skipped. A line that is none is named with its number. */
export async function readJsonLines(path: string): Promise<Map<string, unknown[]>> {
  const rows: AnyRow[] = [];
  let number = 0;
  for await (const line of linesOf(path)) {
    number++;
    if (line.trim() === "") continue;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (cause) {
      fail(`Line ${number} of ${path} is not JSON: ${(cause as Error).message}.`, { cause });
    }
    rows.push(asRow(value, `Line ${number} of ${path}`));
  }
  return columnsFromRows(rows);
}

/**
 * A JSON file: a list of objects, an object of equally long lists (columns), or JSON Lines under the name .json.
 * @param field where the list stands when the file holds one object around it, as in `{ "data": [...] }`
 */
export async function readJson(path: string, field?: string): Promise<Map<string, unknown[]>> {
  const text = await readText(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    if (field === undefined && startsWithJsonLine(text)) return readJsonLines(path);
    fail(`${path} is not JSON: ${(cause as Error).message}.`, { cause });
  }
  if (field !== undefined) {
    if (!isObject(value) || !(field in value)) fail(`${path} has no field "${field}".`);
    value = value[field];
  }
  if (Array.isArray(value)) {
    return columnsFromRows(value.map((row, i) => asRow(row, `Entry ${i} of ${path}`)));
  }
  if (!isObject(value)) fail(`${path} holds neither a list of rows nor columns.`);
  const lists = Object.values(value);
  const length = (lists[0] as unknown[] | undefined)?.length;
  if (lists.length > 0 && lists.every((list) => Array.isArray(list) && list.length === length)) {
    return new Map(Object.entries(value as Record<string, unknown[]>));
  }
  const nested = Object.keys(value).find((key) => Array.isArray((value as AnyRow)[key]));
  // A single object on one line is JSON Lines with one row.
  if (nested === undefined) return columnsFromRows([value]);
  return fail(`${path} holds one object, not a list of rows.`, { hint: `Name the list, e.g. { field: "${nested}" }.` });
}

function startsWithJsonLine(text: string): boolean {
  try {
    return isObject(JSON.parse(text.trimStart().split("\n", 1)[0]!));
  } catch {
    return false;
  }
}

function asRow(value: unknown, where: string): AnyRow {
  return isObject(value) ? value : fail(`${where} is ${Array.isArray(value) ? "a list" : `${value}`}, not an object.`);
}

function isObject(value: unknown): value is AnyRow {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
