import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkNode } from "../../environment/stages/node.mjs";
import { satisfied } from "../../environment/stages/packages.mjs";
import { findPython } from "../../environment/stages/python.mjs";

describe("the Node check", () => {
  it("accepts what package.json asks for, and names both versions otherwise", () => {
    checkNode("20.19.0", ">=20.19");
    checkNode("22.0.1", ">=20.19");
    checkNode();
    assert.throws(() => checkNode("20.18.3", ">=20.19"), /Node 20\.18\.3 is too old: tunelab needs 20\.19/);
    assert.throws(() => checkNode("18.20.0", ">=20.19"), /too old/);
  });
});

describe("whether node_modules is good", () => {
  const lock = { "": { version: "0" }, "node_modules/a": { version: "1.0.0" } };

  it("compares every locked version", () => {
    assert.ok(satisfied(lock, { "node_modules/a": { version: "1.0.0" } }));
    assert.ok(!satisfied(lock, { "node_modules/a": { version: "1.0.1" } }));
    assert.ok(!satisfied(lock, {}));
  });

  it("does not mind packages for other machines, or more than was asked for", () => {
    const other = { ...lock, "node_modules/win": { version: "2.0.0", optional: true } };
    assert.ok(satisfied(other, { "node_modules/a": { version: "1.0.0" }, "node_modules/b": { version: "9.9.9" } }));
  });
});

describe("looking for Python", () => {
  let folder: string;
  /** A stand-in that prints a version and may lack the venv module. */
  const python = (name: string, version: string, venv = true): string => {
    const path = join(folder, name);
    const script = `#!/bin/sh\ncase "$2" in\n*ensurepip*) exit ${venv ? 0 : 1};;\n*) echo ${version};;\nesac\n`;
    writeFileSync(path, script);
    chmodSync(path, 0o755);
    return path;
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "pythons-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("takes the first that is new enough", () => {
    const fine = python("fine", "3.12");
    assert.equal(findPython([join(folder, "missing"), python("old", "3.9"), fine, python("other", "3.13")]), fine);
  });

  it("says which one is too old", () => {
    assert.throws(() => findPython([python("old", "3.9")]), /old is Python 3\.9; tunelab needs 3\.10 or newer/);
  });

  it("says what to install when the venv module is missing", () => {
    assert.throws(
      () => findPython([python("bare", "3.11", false)]),
      (error: { message: string; hint: string }) =>
        /its venv module is missing/.test(error.message) && /apt install python3\.11-venv/.test(error.hint),
    );
  });

  it("says where it looked and what to install when there is none", () => {
    assert.throws(
      () => findPython([join(folder, "python3")]),
      (error: { message: string; hint: string }) =>
        /Python was not found \(looked for .*python3\)/.test(error.message) && /TUNELAB_PYTHON/.test(error.hint),
    );
  });
});
