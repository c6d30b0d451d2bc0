import assert from "node:assert/strict";
import { toCellFunction } from "../../../kernel/cells/cellFunction.js";

describe("the function made of a cell", () => {
  it("binds what the cell declares, constants without a setter", () => {
    const { body, names } = toCellFunction("const a = 1;\nlet b = 2;\nexport { a, b };", undefined);
    assert.deepEqual(names, ["a", "b"]);
    assert.equal(body, "__cell.bind({get a(){return a},get b(){return b},set b(v){b=v}});const a = 1;\nlet b = 2;\n");
  });

  it("returns the last expression in a box", () => {
    assert.equal(toCellFunction("export const tsLastExpr = f(1);", "tsLastExpr").body, "return { value: (0, f(1)) };");
    const awaited = toCellFunction("export const tsLastExpr = await f();", "tsLastExpr");
    assert.equal(awaited.body, "return { value: (0, __cell.check(await f())) };");
  });

  it("lifts imports without moving lines", () => {
    const source = 'first();\nimport d, { x as y } from "m";\nimport * as n from "n";\nimport "side";\nlast();';
    const { body, imports } = toCellFunction(source, undefined);
    assert.deepEqual(
      imports.map(({ specifier, line }) => [specifier, line]),
      [
        ["m", 1],
        ["n", 2],
        ["side", 3],
      ],
    );
    assert.equal(body.split("\n").length, 5);
    assert.equal(
      body.split("\n")[0],
      'const d=__cell.module("m").default;const {"x":y}=__cell.module("m");const n=__cell.module("n");first();',
    );
    assert.equal(body.split("\n")[4], "last();");
  });

  it("asks after every await, also nested ones and loops", () => {
    assert.equal(
      toCellFunction("await a(await b());", undefined).body,
      "__cell.check(await a(__cell.check(await b())));",
    );
    assert.equal(
      toCellFunction("for await (const x of y) { f(x); }", undefined).body,
      "for await (const x of y) {__cell.check(); f(x); }",
    );
  });

  it("keeps import() and import.meta", () => {
    assert.equal(
      toCellFunction('import("m"); import.meta.url;', undefined).body,
      '__cell.import("m"); __cell.meta.url;',
    );
  });
});
