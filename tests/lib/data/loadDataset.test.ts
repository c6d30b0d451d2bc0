import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { inspect } from "node:util";
import { jupyterDisplay } from "../../../lib/data/display.js";
import { loadDataset } from "../../../lib/data/loadDataset.js";
import { temporaryDirectory } from "../formats/temporaryDirectory.js";

const jsonl = (count: number, offset = 0): string =>
  Array.from({ length: count }, (_, i) => JSON.stringify({ Question: `q${i + offset}`, id: i + offset })).join("\n");

describe("loadDataset", () => {
  const path = temporaryDirectory();
  before(() => {
    mkdirSync(path("set"));
    writeFileSync(path("set", "train.jsonl"), jsonl(40));
    writeFileSync(path("set", "test.jsonl"), jsonl(10, 40));
    writeFileSync(path("part1.csv"), "a\n1\n");
    writeFileSync(path("part2.csv"), "a\n2\n");
    writeFileSync(path("empty.jsonl"), "\n");
  });

  it("gives every split of a folder, or the rows asked for", async () => {
    const dict = await loadDataset(path("set"));
    assert.deepEqual(Object.keys(dict), ["train", "test"]);
    assert.equal(dict.test!.numRows, 10);
    assert.equal(
      inspect(dict),
      "DatasetDict(train: Dataset(40 rows: Question, id), test: Dataset(10 rows: Question, id))",
    );
    assert.throws(() => dict.validation, /no split "validation"\. Use one of: train, test/);
    assert.throws(
      () => dict.map,
      /no split "map"\. It is a verb of each split: take one first, such as dict\.train\.map/,
    );
    assert.equal("validation" in dict, false);
    assert.equal(await dict, dict);
    assert.equal(Object.keys(JSON.parse(JSON.stringify(dict)) as object).length, 2);
    assert.match(dict[jupyterDisplay]()["text/html"]!, /<h4>train<\/h4><table>/);
    const some = await loadDataset<{ Question: string; id: number }>(path("set"), { split: "train[-2:]+test[:10%]" });
    const ids: readonly number[] = some.column("id");
    assert.deepEqual(ids, [38, 39, 40]);
  });

  it("reads a file, and files by pattern with a builder", async () => {
    assert.equal((await loadDataset(path("part1.csv"), { split: "train" })).numRows, 1);
    const both = await loadDataset("csv", { dataFiles: path("part*.csv"), split: "train" });
    assert.deepEqual(both.column("a"), [1, 2]);
    const named = await loadDataset("csv", { dataDir: path(), dataFiles: { a: "part1.csv", b: ["part2.csv"] } });
    assert.deepEqual(Object.keys(named), ["a", "b"]);
    const lines = await loadDataset("json", { dataFiles: path("set", "train.jsonl"), split: "train[:3]" });
    assert.equal(lines.numRows, 3);
  });

  it("refuses a builder that there is not, and options of other ways to load", async () => {
    await assert.rejects(
      loadDataset("text", { dataFiles: "a.txt" }),
      /no builder "text" for dataFiles\. Use one of: json, csv/,
    );
    await assert.rejects(loadDataset("jsonl", { dataFiles: "a.jsonl" }), /no builder "jsonl".*Did you mean "json"/);
    await assert.rejects(loadDataset("a", { streaming: true } as object), /no option "streaming".*slice of the split/);
  });

  it("reads the embedded set for the article's name on the embedded profile, whatever the configuration", async () => {
    process.env.TUNELAB_PROFILE = "embedded";
    const dataset = await loadDataset("FreedomIntelligence/medical-o1-reasoning-SFT", "en", { split: "train[0:5]" });
    assert.equal(dataset.numRows, 5);
    assert.deepEqual(dataset.columnNames, ["Question", "Complex_CoT", "Response"]);
  });

  const refused: [string, () => Promise<unknown>, RegExp][] = [
    [
      "an unknown split",
      () => loadDataset(path("set"), { split: "tset" }),
      /Unknown split "tset"\. Did you mean "test"/,
    ],
    [
      "a misspelt option",
      () => loadDataset(path("set"), { spilt: "train" } as object),
      /"spilt" of loadDataset.*"split"/,
    ],
    ["a snake_case option", () => loadDataset("csv", { data_files: "x" } as object), /"data_files".*"dataFiles"/],
    ["a builder without files", () => loadDataset("json"), /needs to know its files\. Name them: loadDataset\("json"/],
    ["a folder that is not there", () => loadDataset("./nowhere"), /There is no file or folder .*nowhere/],
    ["a file that is not there", () => loadDataset("train.jsonl"), /There is no file or folder .*train\.jsonl/],
    [
      "a pattern that matches nothing",
      () => loadDataset("csv", { dataFiles: path("x*.csv") }),
      /No data file of .* matches "x\*\.csv"/,
    ],
    [
      "an address",
      () => loadDataset("csv", { dataFiles: "https://example.org/a.csv" }),
      /takes local files, not the address/,
    ],
    ["an empty file", () => loadDataset(path("empty.jsonl")), /The split "train" of .*empty\.jsonl has no rows/],
    ["no name", () => loadDataset(""), /needs the name or path/],
    ["what is no name", () => loadDataset("a b/c d"), /"a b\/c d" is no name of a dataset on the hub/],
  ];
  for (const [what, load, message] of refused) {
    it(`refuses ${what}`, () => assert.rejects(load, { name: "TunelabError", message }));
  }
});
