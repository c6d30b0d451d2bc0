import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { loadDotenv } from "../../lib/env.js";
import { temporaryDirectory } from "./formats/temporaryDirectory.js";

describe("loadDotenv", () => {
  const path = temporaryDirectory();
  const home = process.cwd();
  const names = ["TUNELAB_TEST_A", "TUNELAB_TEST_B", "TUNELAB_TEST_C"] as const;
  before(() => {
    mkdirSync(path("project", "deep"), { recursive: true });
    writeFileSync(
      path("project", ".env"),
      'TUNELAB_TEST_A=one\nexport TUNELAB_TEST_B="two words" # note\nTUNELAB_TEST_C=\n',
    );
    writeFileSync(path("other.env"), "TUNELAB_TEST_A=other\n");
  });
  beforeEach(() => {
    for (const name of names) delete process.env[name];
  });
  afterEach(() => process.chdir(home));

  it("finds .env in a folder above, and sets what is not set", () => {
    process.chdir(path("project", "deep"));
    process.env.TUNELAB_TEST_A = "mine";
    assert.equal(loadDotenv(), true);
    assert.deepEqual(
      names.map((name) => process.env[name]),
      ["mine", "two words", ""],
    );
  });

  it("overrides only when told to", () => {
    process.env.TUNELAB_TEST_A = "mine";
    assert.equal(loadDotenv({ path: path("other.env") }), true);
    assert.equal(process.env.TUNELAB_TEST_A, "mine");
    loadDotenv({ path: path("other.env"), override: true });
    assert.equal(process.env.TUNELAB_TEST_A, "other");
  });

  it("returns false when there is no file", () => {
    assert.equal(loadDotenv({ path: path("none.env") }), false);
  });

  it("refuses unknown options", () => {
    assert.throws(() => loadDotenv({ dotenvPath: "x" } as object), /Unknown option "dotenvPath" of loadDotenv/);
  });
});
