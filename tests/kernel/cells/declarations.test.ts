import assert from "node:assert/strict";
import { withoutLostNames } from "../../../kernel/cells/declarations.js";

describe("declarations after a cell that failed", () => {
  it("are those of success when nothing was lost", () => {
    assert.equal(withoutLostNames("declare const a: 1;", "", new Set()), "declare const a: 1;");
  });

  it("keep the earlier meaning of what was lost, and drop what had none", () => {
    const before = 'import { a, b as c } from "m";\ndeclare let x: string, y: number;\ninterface I {}';
    const after = "declare const a: 1;\ndeclare const x: boolean;\ndeclare const fresh: 2;\ninterface I {}";
    assert.deepEqual(
      withoutLostNames(after, before, new Set(["a", "x", "fresh"]))
        .split("\n")
        .filter(Boolean),
      ["interface I {}", 'import { a } from "m";', "declare let x: string;"],
    );
  });
});
