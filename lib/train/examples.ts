/** Turns dataset rows into token sequences: tokenise, truncate, label. Nothing is added to the text, EOS is part of it. */
import { fail, shown } from "../errors.js";
import { type Example, IGNORED_LABEL } from "./batch.js";
import type { ColumnDataset, TrainingDataset, TrainingTokenizer } from "./trainable.js";

export interface ExampleOptions {
  /** The name in messages: "trainDataset" or "evalDataset". */
  readonly name: string;
  /** Column with the text. */
  readonly textField: string;
  /** Makes the text of a row instead of `textField`. */
  readonly formattingFunc?: ((row: Record<string, unknown>) => string) | undefined;
  /** Tokens kept of a text, from its start. */
  readonly maxSeqLength: number;
  readonly vocabSize: number;
}

export interface PreparedExamples {
  readonly examples: Example[];
  /** Texts that were longer than `maxSeqLength`. */
  readonly truncated: number;
  /** Tokens that truncation cut off. */
  readonly tokensCut: number;
}

/**
 * Tokenises a dataset. Rows with an `input_ids` column are taken as they are, with their `labels` if there are any.
 * @throws TunelabError for an empty dataset, a missing column, a row without text, or ids outside the vocabulary
 */
export function prepareExamples(
  dataset: TrainingDataset,
  tokenizer: TrainingTokenizer,
  options: ExampleOptions,
): PreparedExamples {
  const table = asColumns(dataset, options.name);
  if (table.numRows === 0) fail(`${options.name} has no rows.`, { hint: "Load a split that is not empty." });
  const read = rowReader(table, tokenizer, options);
  const examples: Example[] = [];
  let truncated = 0;
  let tokensCut = 0;
  for (let row = 0; row < table.numRows; row++) {
    const { ids, labels } = read(row);
    checkIds(ids, row, options);
    if (ids.length > options.maxSeqLength) {
      truncated++;
      tokensCut += ids.length - options.maxSeqLength;
    }
    const inputIds = Int32Array.from(ids.slice(0, options.maxSeqLength));
    examples.push([{ inputIds, labels: Int32Array.from(labels.slice(0, options.maxSeqLength)) }]);
  }
  return { examples, truncated, tokensCut };
}

/** One sentence about truncation, or null when there was none. */
export function truncationMessage(prepared: PreparedExamples, options: ExampleOptions): string | null {
  const { truncated, tokensCut, examples } = prepared;
  if (truncated === 0) return null;
  const are = truncated === 1 ? "is" : "are";
  return (
    `${truncated} of ${examples.length} texts in ${options.name} ${are} longer than maxSeqLength = ` +
    `${options.maxSeqLength}: ${tokensCut} tokens were cut off their ends, the end-of-text token with them.`
  );
}

interface Row {
  readonly ids: ArrayLike<number> & { slice(start: number, end: number): ArrayLike<number> };
  readonly labels: { slice(start: number, end: number): ArrayLike<number> };
}

function rowReader(table: ColumnDataset, tokenizer: TrainingTokenizer, options: ExampleOptions): (row: number) => Row {
  const { name, textField, formattingFunc } = options;
  const columns = table.columnNames;
  if (formattingFunc === undefined && !columns.includes(textField)) {
    if (columns.includes("input_ids")) return tokenReader(table, name);
    fail(`${name} has no column "${textField}"; its columns are ${columns.map((c) => `"${c}"`).join(", ")}.`, {
      hint: "Name the column with the text in datasetTextField, or add one with dataset.map().",
    });
  }
  const texts = formattingFunc === undefined ? table.column(textField) : null;
  const sources = formattingFunc === undefined ? [] : columns.map((column) => [column, table.column(column)] as const);
  return (row) => {
    const text = texts
      ? texts[row]
      : formattingFunc?.(Object.fromEntries(sources.map(([column, values]) => [column, values[row]])));
    if (typeof text !== "string") {
      const source = texts ? `column "${textField}" holds` : "formattingFunc returned";
      fail(`Row ${row} of ${name}: ${source} ${shown(text)}, not text.`);
    }
    const bos = tokenizer.bosToken;
    // A template may spell out the BOS token that the tokenizer would put in front once more.
    const ids = tokenizer.encode(text, { addSpecialTokens: !(bos && text.startsWith(bos)) });
    return { ids, labels: ids };
  };
}

function tokenReader(table: ColumnDataset, name: string): (row: number) => Row {
  const ids = table.column("input_ids");
  const labels = table.columnNames.includes("labels") ? table.column("labels") : ids;
  return (row) => {
    const rowIds = Array.from(ids[row] as ArrayLike<number>, Number);
    const rowLabels = Array.from(labels[row] as ArrayLike<number>, Number);
    if (rowIds.length !== rowLabels.length) {
      fail(`Row ${row} of ${name} has ${rowIds.length} input_ids but ${rowLabels.length} labels.`, {
        hint: `Give every token a label, ${IGNORED_LABEL} where it is not to be learnt.`,
      });
    }
    return { ids: rowIds, labels: rowLabels };
  };
}

function checkIds(ids: ArrayLike<number>, row: number, { name, vocabSize }: ExampleOptions): void {
  if (ids.length === 0) fail(`Row ${row} of ${name} has no tokens.`, { hint: "Filter out empty texts." });
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    if (!Number.isInteger(id) || id < 0 || id >= vocabSize) {
      fail(`Row ${row} of ${name} has token id ${id}, but the model's vocabulary has ${vocabSize} entries.`, {
        hint: "Use the tokenizer that belongs to the model.",
      });
    }
  }
}

function asColumns(dataset: TrainingDataset, name: string): ColumnDataset {
  if (!Array.isArray(dataset)) {
    const table = dataset as ColumnDataset;
    if (typeof table.numRows === "number") return table;
    fail(`${name} is no dataset; it has ${Object.keys(table).join(", ") || "nothing"}.`, {
      hint: 'Name one split in loadDataset(..., { split: "train" }).',
    });
  }
  const rows = dataset as readonly Readonly<Record<string, unknown>>[];
  return {
    numRows: rows.length,
    columnNames: Object.keys(rows[0] ?? {}),
    column: (name) => rows.map((row) => row[name]),
  };
}
