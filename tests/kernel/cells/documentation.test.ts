import assert from "node:assert/strict";
import { type Documentation, documentationOf, toMarkdown, toPlain } from "../../../kernel/cells/documentation.js";
import { ts } from "../../../kernel/cells/typescript.js";

/** The documentation of the last declaration in a source. */
function read(source: string): Documentation | undefined {
  const file = ts.createSourceFile("d.ts", source, ts.ScriptTarget.Latest, true);
  const last = file.statements.at(-1);
  assert.ok(last);
  return documentationOf(ts.isVariableStatement(last) ? last.declarationList.declarations : [last as never]);
}

describe("documentation", () => {
  it("is the comment right above a declaration, also above const", () => {
    const source = "/** Other. */\nlet a;\n/** License. */\n\n/**\n * Mine.\n *\n * More.\n */\nconst b = 1;";
    assert.equal(read(source)?.text, "Mine.\n\nMore.");
    assert.equal(read("/** Other. */\nlet a;\n// Mine.\nfunction f() {}"), undefined);
  });

  it("may stand in the line of what comes before, and is not that one's own", () => {
    const members = (source: string) => {
      const [statement] = ts.createSourceFile("d.ts", source, ts.ScriptTarget.Latest, true).statements;
      assert.ok(statement && ts.isInterfaceDeclaration(statement));
      return statement.members.map((member) => documentationOf([member])?.text);
    };
    assert.deepEqual(members("interface A { /** One. */ a: 1; /** Two. */ b: 2 }"), ["One.", "Two."]);
    assert.deepEqual(members("interface A {\n  a: 1; /** Of a. */\n  b: 2;\n}"), [undefined, undefined]);
  });

  it("has links as markdown has them", () => {
    const text = read(
      "/** {@link a}, {@link b.c|that}, {@link https://d.e/f} {@linkcode https://d.e the site}. */\nlet x;",
    )?.text;
    assert.equal(text, "`a`, that, https://d.e/f [the site](https://d.e).");
  });

  it("has tags with what they speak of, without tfjs' own", () => {
    const documentation = read(`/**
      * Text.
      * @param options.a - first
      *   goes on
      * @param {string} [b=1] second
      * @template T the kind
      * @throws {TypeError} when bad
      * @see https://d.e
      * @deprecated
      * @example
      * f(1)
      *
      * @doc {heading: 'Tensors'}
      */
      function f() {}`);
    assert.ok(documentation);
    assert.equal(
      toPlain(documentation),
      "Text.\n\n@param options.a first\ngoes on\n@param b second\n@template T the kind\n@throws TypeError when bad\n" +
        "@see https://d.e\n@deprecated\n@example f(1)",
    );
    assert.equal(
      toMarkdown(documentation),
      "Text.\n\n*@param* `options.a` — first\ngoes on\n\n*@param* `b` — second\n\n*@template* `T` — the kind\n\n" +
        "*@throws* `TypeError` — when bad\n\n*@see* — https://d.e\n\n*@deprecated*\n\n" +
        "*@example*\n```typescript\nf(1)\n```",
    );
  });

  it("keeps an example's own fences", () => {
    const documentation = read("/**\n * @example\n * ```js\n * f()\n * ```\n */\nlet x;");
    assert.ok(documentation);
    assert.equal(toMarkdown(documentation), "*@example*\n```js\nf()\n```");
  });
});
