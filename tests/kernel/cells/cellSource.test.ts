import assert from "node:assert/strict";
import { isUnchecked, toCellSource } from "../../../kernel/cells/cellSource.js";

describe("a cell's source before it is compiled", () => {
  for (const [source, text] of [
    ["1 + 1", "1 + 1"],
    ["#!/usr/bin/env node\nf()", "                   \nf()"],
    ["export const a = 1;", "       const a = 1;"],
    ["export default async function f() {}", "               async function f() {}"],
    ["export\n  default\n  5;", "      \n         \n (5);"],
    ["export default class {\n}", "             ( class {\n})"],
    ["f(); export { f };\ng()", "f();              \ng()"],
    ["export { a as b } from 'm';", "import { a as b } from 'm';"],
    ["export type { T } from 'm';", "import type { T } from 'm';"],
    ["const exportable = 'export default 1';", "const exportable = 'export default 1';"],
    ["{ f() }", "{ f() }"],
    ["{ a = 1 }", "{ a = 1 }"],
    ["{ get a() }", "{ get a() }"],
    ["f();\n{ a }", "f();\n{ a }"],
    ["function f() {}", "function f() {}"],
  ] as const) {
    it(`of ${JSON.stringify(source)} keeps every position`, () => assert.deepEqual(toCellSource(source), { text }));
  }

  it("says in which line it opened a parenthesis", () => {
    assert.deepEqual(toCellSource("f();\n  { a: 1 }\n"), { text: "f();\n  ({ a: 1 })\n", opened: 2 });
    assert.deepEqual(toCellSource("{ a }"), { text: "({ a })", opened: 1 });
  });

  it("finds @ts-nocheck only where a file may say it", () => {
    assert.ok(isUnchecked("/* a */ // b\n// @ts-nocheck\nf()"));
    for (const source of ["f(); // @ts-nocheck", "'// @ts-nocheck'", "/* // @ts-nocheck */", "// not @ts-nocheck"]) {
      assert.ok(!isUnchecked(source), source);
    }
  });
});
