/** The contract with tslab 1.0.22 and TypeScript's internals: what kernel/cells reaches into is there, and as expected. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { ts } from "../../../kernel/cells/typescript.js";

const require = createRequire(import.meta.url);
const source = (path: string) => readFileSync(require.resolve(path), "utf8");

describe("the contract with tslab", () => {
  it("is with the pinned version", () => {
    const { version } = JSON.parse(source("tslab/package.json")) as { version: string };
    assert.equal(version, "1.0.22");
  });

  it("finds the fork required by one name, in the files that we load", () => {
    for (const file of ["converter", "metadata"]) {
      assert.match(source(`tslab/dist/${file}.js`), /require\("@tslab\/typescript-for-tslab"\)/);
    }
  });

  it("covers every function of the fork that mainline lacks", () => {
    const used = new Set(
      ["converter", "metadata"].flatMap((file) =>
        [...source(`tslab/dist/${file}.js`).matchAll(/\bts\.(\w+)/g)].map(([, name]) => name ?? ""),
      ),
    );
    const missing = [...used].filter((name) => !(name in ts)).sort();
    const shimmed = ["getDefaultTypeRoots", "getNullTransformationContext", "getPreEmitDiagnosticsOfFiles"];
    assert.deepEqual(missing, [...shimmed, "getQuickInfoAtPosition"].sort());
  });

  it("uses of a builder program what ours has", () => {
    const members = new Set(
      [...source("tslab/dist/converter.js").matchAll(/\bbuilder\s*\.(\w+)\(/g)].map(([, name]) => name),
    );
    assert.deepEqual([...members].sort(), ["emit", "getAllDependencies", "getProgram", "getSourceFile"]);
    const watch = new Set([...source("tslab/dist/converter.js").matchAll(/\bwatch\.(\w+)\(/g)].map(([, name]) => name));
    assert.deepEqual([...watch].sort(), ["close", "updateRootFileNames"]);
  });

  it("finds TypeScript's internal functions", () => {
    assert.equal(ts.version, "5.9.3");
    assert.equal(typeof ts.findPrecedingToken, "function");
    assert.equal(typeof ts.getTouchingPropertyName, "function");
    assert.equal(typeof ts.getContainerNode, "function");
    assert.equal(typeof ts.nullTransformationContext, "object");
    assert.equal(typeof (ts as unknown as Record<string, unknown>).bindSourceFile, "function");
    assert.equal(typeof ts.SymbolDisplay.getSymbolDisplayPartsDocumentationAndSymbolKind, "function");
    assert.equal(typeof ts.Completions.getCompletionsAtPosition, "function");
  });

  it("has TypeScript keep what it found out about a file with the host", () => {
    const knownFileOptions = new Map<string, unknown>();
    const host = { ...ts.createCompilerHost({ noLib: true }), knownFileOptions };
    ts.createProgram([import.meta.filename], { noLib: true, noResolve: true, types: [] }, host);
    assert.deepEqual([...knownFileOptions.keys()], [import.meta.filename]);
  });
});
