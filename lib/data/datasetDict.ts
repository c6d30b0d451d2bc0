/** Several splits by name, as loadDataset returns them without a `split`: `dict.train`, `dict.test`. */
import { inspect } from "node:util";
import type { AnyRow } from "./columns.js";
import type { Dataset } from "./dataset.js";
import { escapeHtml, jupyterDisplay } from "./display.js";

export class DatasetDict<Row extends object = AnyRow> {
  readonly [split: string]: Dataset<Row>;

  constructor(splits: Iterable<readonly [string, Dataset<Row>]>) {
    Object.assign(this, Object.fromEntries(splits));
  }

  [inspect.custom](): string {
    return `DatasetDict(${Object.entries(this)
      .map(([split, dataset]) => `${split}: ${dataset}`)
      .join(", ")})`;
  }

  /** What Jupyter shows: the first rows of each split. */
  [jupyterDisplay](): Record<string, string> {
    const parts = Object.entries(this).map(
      ([split, dataset]) => `<h4>${escapeHtml(split)}</h4>${dataset[jupyterDisplay]()["text/html"]}`,
    );
    return { "text/html": parts.join(""), "text/plain": inspect(this) };
  }
}
