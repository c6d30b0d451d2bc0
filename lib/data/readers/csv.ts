/** Comma- or tab-separated files (RFC 4180) as columns. */
import { fail } from "../../errors.js";
import { readText } from "./lines.js";

/**
 * Reads a file whose first record names the columns. A column whose values are all numbers or all booleans becomes
 * that; empty fields are null. A record with another number of fields than the first is refused, with its line.
 */
export async function readCsv(path: string, delimiter?: string): Promise<Map<string, unknown[]>> {
  const separator = delimiter ?? (/\.tsv(\.gz)?$/.test(path) ? "\t" : ",");
  if (separator.length !== 1) fail(`A CSV delimiter is one character, got ${JSON.stringify(separator)}.`);
  const records = parseRecords(path, await readText(path), separator);
  const header = records.next().value;
  if (!header) return new Map();
  const names = header.fields;
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) fail(`${path} names the column "${twice}" twice.`);
  const columns = names.map((): string[] => []);
  for (const { fields, line } of records) {
    if (fields.length !== names.length) {
      fail(`Line ${line} of ${path} has ${fields.length} fields, but the header names ${names.length} columns.`);
    }
    for (const [i, field] of fields.entries()) columns[i]!.push(field);
  }
  return new Map(names.map((name, i) => [name, typed(columns[i]!)]));
}

interface CsvRecord {
  readonly fields: string[];
  /** The line that it starts on, from 1. */
  readonly line: number;
}

/** A quoted field or a plain one, then what ends it. */
const FIELD = (separator: string): RegExp => {
  const end = separator.replaceAll(/[\\^\]\-.*+?$(){}|[]/g, "\\$&");
  return new RegExp(`(?:"((?:[^"]|"")*)"|([^"\\r\\n${end}][^\\r\\n${end}]*)?)(${end}|\\r\\n|\\n|\\r|$)`, "y");
};

function* parseRecords(path: string, text: string, separator: string): Generator<CsvRecord, undefined> {
  const pattern = FIELD(separator);
  let fields: string[] = [];
  let line = 1;
  let start = 1;
  while (pattern.lastIndex < text.length || fields.length > 0) {
    const match = pattern.exec(text);
    if (!match) fail(`Line ${line} of ${path} has a quoted field that is not closed, or text after its end.`);
    const [, quoted, plain = "", end] = match;
    fields.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    line += (quoted?.match(/\n/g)?.length ?? 0) + (end !== separator && end !== "" ? 1 : 0);
    if (end === separator) continue;
    // An empty line is no record.
    if (fields.length > 1 || fields[0] !== "" || quoted !== undefined) yield { fields, line: start };
    fields = [];
    start = line;
    if (end === "") return;
  }
}

const NUMBER = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/;
const BOOLEAN = /^(?:true|false)$/i;

function typed(values: readonly string[]): unknown[] {
  const filled = values.filter((value) => value !== "");
  const parse = (convert: (value: string) => unknown): unknown[] =>
    values.map((value) => (value === "" ? null : convert(value)));
  if (filled.length === 0) return parse((value) => value);
  // A number that would lose digits, such as a long identifier, stays text.
  if (filled.every((value) => NUMBER.test(value) && exact(value))) return parse(Number);
  if (filled.every((value) => BOOLEAN.test(value))) return parse((value) => value.toLowerCase() === "true");
  return parse((value) => value);
}

function exact(value: string): boolean {
  return !/^\s*[+-]?\d+\s*$/.test(value) || Number.isSafeInteger(Number(value));
}
