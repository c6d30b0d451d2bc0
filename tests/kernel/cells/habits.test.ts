import assert from "node:assert/strict";
import type { CellDiagnostic } from "../../../kernel/cells/diagnostics.js";
import { toCellDiagnostic } from "../../../kernel/cells/diagnostics.js";
import { faultsIn } from "../../../kernel/cells/faults.js";
import { withHabits } from "../../../kernel/cells/habits.js";

/** What is said of a cell that is no TypeScript. */
function saidOf(source: string): string[] {
  return withHabits(faultsIn(source).map(toCellDiagnostic), source).map(({ message }) => message);
}

function unknown(name: string, source: string): string | undefined {
  const column = source.indexOf(name) + 1;
  const fault: CellDiagnostic = {
    line: 1,
    column,
    length: name.length,
    code: 2304,
    message: `Cannot find name '${name}'.`,
    file: undefined,
  };
  return withHabits([fault], source)[0]?.message;
}

describe("habits", () => {
  for (const [source, way] of [
    ["import numpy as np", 'import * as np from "numpy"'],
    ["import os", 'import * as os from "os"'],
    ['print "x"', "console.log"],
    ["x if y else z", "condition ? one : other"],
    ["const a = 1 if b else 2", "condition ? one : other"],
    ["[x for x in rows]", "items.map"],
    ["lambda x: x", "(x) => …"],
    ["not ready", "and, or, not are written &&, ||, !."],
    ["rows[1:]", "list.slice(start, end)"],
    ["import os.path", 'import * as path from "os.path"'],
    ["from os import path, sep", 'import { path, sep } from "os"'],
    ["def area(x):\n    return x", "function area(…) { … }"],
    ["for x in rows:\n    f(x)", "for (const x of rows) { … }"],
    ["if ready:\n    go()", "A block stands in braces"],
    ["# note", "A comment begins with //."],
    ["?display", "Shift+Tab"],
    ["table.join?", "Shift+Tab"],
    ['const s = """a"""', "backquotes: `…`"],
    ['const s = f"{a}"', "Text with values in it"],
    ["if (a and b) {}", "and, or, not are written &&, ||, !."],
    ["const f = lambda x: x", "(x) => …"],
  ] as const) {
    it(`of other notebooks are told how to say ${JSON.stringify(source)}`, () => {
      const [first = ""] = saidOf(source);
      assert.ok(first.includes(way), first);
    });
  }

  it("leave one fault of a line that they explain, and those of other lines", () => {
    assert.equal(saidOf("import numpy as np").length, 1);
    assert.equal(saidOf("import numpy as np\n\nlet = = 2").length > 1, true);
  });

  it("leave faults alone that have another reason", () => {
    for (const source of ["const a = [1, 2;", 'const s = "salt and pepper', "const s = 'a [1:2] if x else y"]) {
      const faults = faultsIn(source).map(({ messageText }) => messageText);
      assert.deepEqual(saidOf(source), faults);
    }
  });

  it("tell what Python's functions and constants are here", () => {
    assert.equal(unknown("print", 'print("x")'), "Cannot find name 'print'. It is console.log(…) here.");
    assert.equal(unknown("None", "const a = None"), "Cannot find name 'None'. It is null here.");
    assert.equal(unknown("int", "x: int = 5"), "Cannot find name 'int'. The type is called number here.");
    assert.match(unknown("int", "f(int(x))") ?? "", /Math\.trunc/);
    assert.equal(unknown("toString", "toString()"), "Cannot find name 'toString'.");
  });

  it("tell that a cell needs no return", () => {
    const fault = { line: 1, column: 1, length: 6, code: 1108, message: "No.", file: undefined };
    assert.match(withHabits([fault], "return 5")[0]?.message ?? "", /^No\. A cell shows its last expression/);
  });

  it("tell that a first value needs a declaration", () => {
    assert.match(unknown("total", "total = 5") ?? "", /let total = …$/);
    assert.equal(unknown("total", "f(total == 5)"), "Cannot find name 'total'.");
    assert.equal(unknown("total", "total == 5"), "Cannot find name 'total'.");
  });
});
