import assert from "node:assert/strict";
import { pickDataFiles } from "../../../lib/data/dataFiles.js";
import { parseDatasetCard } from "../../../lib/data/datasetCard.js";
import { matchPaths } from "../../../lib/data/glob.js";

function pick(paths: string[], card = "", name?: string, dataDir?: string): Record<string, string[]> {
  const configs = parseDatasetCard("card", card);
  return Object.fromEntries(pickDataFiles({ where: "org/set", paths, configs, name, dataDir }));
}

describe("matchPaths", () => {
  const paths = ["a.jsonl", "data/train-1.parquet", "data/train-2.parquet", "data/de/test.parquet", "data/x+y.csv"];
  const cases: [string, string[]][] = [
    ["a.jsonl", ["a.jsonl"]],
    ["./data/train-*.parquet", ["data/train-1.parquet", "data/train-2.parquet"]],
    ["data/*", ["data/train-1.parquet", "data/train-2.parquet", "data/x+y.csv"]],
    ["data", ["data/train-1.parquet", "data/train-2.parquet", "data/de/test.parquet", "data/x+y.csv"]],
    ["**/test.parquet", ["data/de/test.parquet"]],
    ["**", paths],
    ["data/train-[2-9].*", ["data/train-2.parquet"]],
    ["data/train-[!2-9].*", ["data/train-1.parquet"]],
    ["data/train-?.{parquet,csv}", ["data/train-1.parquet", "data/train-2.parquet"]],
    ["data/x+y.*", ["data/x+y.csv"]],
    ["train*", []],
  ];
  for (const [pattern, expected] of cases) {
    it(pattern, () => assert.deepEqual(matchPaths(pattern, paths), expected));
  }
});

describe("splits by the names of files", () => {
  it("train and test by file name, whatever else is there", () => {
    assert.deepEqual(pick(["README.md", "train.jsonl", "test.jsonl", "config.json", ".hidden/train.jsonl"]), {
      train: ["train.jsonl"],
      test: ["test.jsonl"],
    });
  });

  it("validation by its other names, words only", () => {
    assert.deepEqual(pick(["my-dev.csv", "x_training.csv", "evaluation.csv", "contest.csv"]), {
      train: ["x_training.csv"],
      validation: ["my-dev.csv"],
      test: ["evaluation.csv"],
    });
  });

  it("by folder, before file names", () => {
    assert.deepEqual(pick(["train/a.json", "train/test.json", "test/b.json"]), {
      train: ["train/a.json", "train/test.json"],
      test: ["test/b.json"],
    });
  });

  it("by shard names, any split", () => {
    const shards = ["data/train_sft-00000-of-00002.parquet", "data/train_sft-00001-of-00002.parquet"];
    assert.deepEqual(pick([...shards, "data/gen-00000-of-00001-abc.parquet"]), {
      gen: ["data/gen-00000-of-00001-abc.parquet"],
      train_sft: shards,
    });
  });

  it("everything is train when no name tells", () => {
    assert.deepEqual(pick(["medical.json", "more.json"]), { train: ["medical.json", "more.json"] });
  });

  it("a configuration is a folder, or a word of a file name", () => {
    assert.deepEqual(pick(["en/train.json", "zh/train.json"], "", "en"), { train: ["en/train.json"] });
    assert.deepEqual(pick(["set_en.json", "set_zh.json", "tent.json"], "", "en"), { train: ["set_en.json"] });
    assert.throws(
      () => pick(["en.json"], "", "fr"),
      /org\/set has no configuration "fr"\. Its data files are: en\.json/,
    );
  });

  it("nothing at all is an error", () => {
    assert.throws(() => pick(["README.md", "model.bin"]), /holds no data file of a known kind/);
  });
});

describe("splits by the card", () => {
  const card = `---
license: apache-2.0
configs:
- config_name: en
  data_files: medical_o1_sft.json
- config_name: zh
  data_files:
  - split: train
    path: "zh/part-*.json"
  - split: test
    path:
    - zh/t1.json
    - zh/t2.json
- config_name: folder
  data_dir: sub
---
# A data set
`;
  const paths = [
    "medical_o1_sft.json",
    "medical_o1_sft_Chinese.json",
    "zh/part-1.json",
    "zh/part-2.json",
    "zh/t1.json",
    "zh/t2.json",
    "sub/train.csv",
    "sub/test.csv",
  ];

  it("one file, patterns by split, or a folder", () => {
    assert.deepEqual(pick(paths, card, "en"), { train: ["medical_o1_sft.json"] });
    assert.deepEqual(pick(paths, card, "zh"), {
      train: ["zh/part-1.json", "zh/part-2.json"],
      test: ["zh/t1.json", "zh/t2.json"],
    });
    assert.deepEqual(pick(paths, card, "folder"), { train: ["sub/train.csv"], test: ["sub/test.csv"] });
  });

  it("asks for a name when there are several and none is the default", () => {
    assert.throws(() => pick(paths, card), /several configurations\. Name one as the second argument: en, zh, folder/);
    assert.throws(() => pick(paths, card, "em"), /no configuration "em"\. Did you mean "en"/);
    const withDefault = card.replace("config_name: zh", "config_name: zh\n  default: true");
    assert.deepEqual(Object.keys(pick(paths, withDefault)), ["train", "test"]);
  });

  it("says which pattern matches nothing", () => {
    assert.throws(() => pick(["other.json"], card, "en"), /No data file of org\/set matches "medical_o1_sft\.json"/);
  });

  it("may be absent or empty, but not broken", () => {
    assert.deepEqual(parseDatasetCard("card", "# no front matter"), []);
    assert.deepEqual(parseDatasetCard("card", "---\nlicense: mit\n---\n"), []);
    assert.throws(
      () => parseDatasetCard("org/README.md", "---\na: [\n---\n"),
      /front matter of org\/README\.md cannot be read/,
    );
  });
});
