/** Several splits by name, as loadDataset returns them without a `split`: `dict.train`, `dict.test`. */
import { inspect } from "node:util";
import { type AnyRow, strict } from "./columns.js";
import { Dataset } from "./dataset.js";
import { escapeHtml, jupyterDisplay } from "./display.js";

/** Reading a split that there is not is an error; `"test" in dict` asks. */
export class DatasetDict<Row extends object = AnyRow> {
  readonly [split: string]: Dataset<Row>;

  constructor(splits: Iterable<readonly [string, Dataset<Row>]>) {
    Object.assign(this, Object.fromEntries(splits));
    const [first = "train"] = Object.keys(this);
    // biome-ignore lint/correctness/noConstructorReturn: what is returned is this object, watched
    return strict(this, "The dictionary of data sets", "split", (key) =>
      key in Dataset.prototype
        ? `It is a verb of each split: take one first, such as dict.${first}.${key}.`
        : undefined,
    );
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
