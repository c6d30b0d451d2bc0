import assert from "node:assert/strict";
import { decodeLineMap, sourceLineOf } from "../../../kernel/cells/lineMap.js";
import { ts } from "../../../kernel/cells/typescript.js";

describe("line map", () => {
  it("leads from JavaScript back to the line of TypeScript", () => {
    const source = "interface Gone {\n  a: number;\n}\nconst x: Gone = { a: 1 };\n\nfunction f() {\n  return x;\n}\n";
    const { outputText, sourceMapText } = ts.transpileModule(`// first\n${source}`, {
      compilerOptions: { sourceMap: true, target: ts.ScriptTarget.ES2023, removeComments: true },
    });
    const map = decodeLineMap(sourceMapText ?? "", 1);
    const lines = outputText.split("\n");
    const found = (text: string) => {
      const line = lines.findIndex((candidate) => candidate.includes(text));
      return sourceLineOf(map, line, lines[line]?.indexOf(text) ?? 0);
    };
    assert.equal(found("const x"), 3);
    assert.equal(found("return x"), 6);
    assert.equal(sourceLineOf(map, 99, 0), undefined);
  });

  it("decodes negative steps and numbers of several digits", () => {
    // Columns 0 and 100; source lines 40, then 39.
    assert.deepEqual(decodeLineMap('{"mappings":"AAwCA,oGADA"}', 0), [[0, 40, 100, 39]]);
  });
});
