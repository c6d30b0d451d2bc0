import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolveSplits, splitNames } from "../../../lib/data/splits.js";

const golden = JSON.parse(readFileSync(new URL("./golden/splits.json", import.meta.url), "utf8")) as {
  sizes: Record<string, number>;
  cases: { spec: string; ranges: [string, number, number][] | null }[];
};
const sizes = new Map(Object.entries(golden.sizes));

describe("splits", () => {
  for (const { spec, ranges } of golden.cases) {
    it(`${JSON.stringify(spec)} means what it means to Python's datasets`, () => {
      if (ranges === null) {
        assert.throws(() => resolveSplits(spec, sizes), { name: "TunelabError" });
        return;
      }
      const rows = (start: number, end: number): number[] => [start, Math.max(0, end - start)];
      assert.deepEqual(
        resolveSplits(spec, sizes).map(({ split, start, end }) => [split, ...rows(start, end)]),
        ranges.map(([split, start, end]) => [split, ...rows(start, end)]),
      );
    });
  }

  it("names each split once", () => assert.deepEqual(splitNames("train[:5]+test + train[9:]"), ["train", "test"]));

  it("says how to write one", () => {
    assert.throws(
      () => resolveSplits("train[1]", sizes),
      /"train\[1\]" cannot be read\. Write a name with an optional slice/,
    );
    assert.throws(() => resolveSplits("trian", sizes), /Unknown split "trian"\. Did you mean "train"/);
    assert.throws(() => resolveSplits("train[:200%]", sizes), /asks for 200 %/);
  });
});
