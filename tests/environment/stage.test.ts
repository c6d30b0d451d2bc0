import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Problem } from "../../environment/problem.mjs";
import { digest, runStages } from "../../environment/stage.mjs";
import { quietStdout } from "./quietStdout.js";

describe("stages of the set-up", () => {
  let folder: string;
  let runs: number;
  const stage = (change: object = {}) => ({
    name: "thing",
    what: "Making the thing",
    fingerprint: () => "one",
    present: () => true,
    run: async (): Promise<string | undefined> => {
      runs++;
      return undefined;
    },
    ...change,
  });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "stamps-"));
    runs = 0;
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("run once for the same inputs", async () => {
    const text = await quietStdout(async () => {
      await runStages([stage()], folder);
      await runStages([stage()], folder);
    });
    assert.equal(runs, 1);
    assert.match(text, /Making the thing \.\.\.\n {2}done \(0\.0 s\)\nSet-up finished in .*\nSet-up is up to date/);
  });

  it("run again when the inputs changed or the result is gone", async () => {
    await quietStdout(async () => {
      await runStages([stage()], folder);
      await runStages([stage({ fingerprint: () => "two" })], folder);
      await runStages([stage({ fingerprint: () => "two", present: () => false })], folder);
    });
    assert.equal(runs, 3);
  });

  it("run again after a failure or an interruption, and later stages wait for that", async () => {
    const fails = stage({ run: () => Promise.reject(new Problem("no")) });
    await quietStdout(async () => {
      await runStages([stage()], folder);
      const changed = { fingerprint: () => "two" };
      await assert.rejects(runStages([{ ...fails, ...changed }, stage({ name: "next" })], folder), /no/);
      assert.equal(runs, 1);
      await runStages([stage(changed)], folder);
    });
    assert.equal(runs, 2);
  });

  it("repeat their note on later runs", async () => {
    const noted = stage({ run: async () => "portable backend" });
    const text = await quietStdout(async () => {
      await runStages([noted], folder);
      await runStages([noted], folder);
    });
    assert.equal(text.match(/portable backend/g)?.length, 2);
  });

  it("depend on words and on the contents of files below a folder", () => {
    const paths = ["environment/stages"];
    assert.equal(digest({ paths }), digest({ paths }));
    assert.notEqual(digest({ paths }), digest({ paths, only: /python/ }));
    assert.notEqual(digest({ paths, words: ["a"] }), digest({ paths, words: ["b"] }));
    assert.equal(digest({ paths: ["no/such/folder"] }), digest({}));
  });
});
