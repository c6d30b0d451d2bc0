/** Ordinary TypeScript in cells: what a person types must work, in every cell, whatever earlier cells did. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { type TestClient, TestKernel } from "./client.js";

describe("cells", () => {
  let kernel: TestKernel;
  let client: TestClient;

  before(async () => {
    kernel = await TestKernel.start();
    client = await kernel.connect();
  });
  after(() => kernel.stop());

  describe("names of earlier cells", () => {
    it("work in object shorthand", async () => {
      await client.ok("const model = 1, tokenizer = 2;");
      assert.equal(await client.evaluate("({ model, tokenizer })"), "{ model: 1, tokenizer: 2 }");
      assert.equal(await client.evaluate("const show = () => ({ model }); show()"), "{ model: 1 }");
    });

    it("can be assigned by destructuring, with defaults", async () => {
      await client.ok("let count = 0; let rest: number[] = [];");
      await client.ok("({ count } = { count: 7 });");
      assert.equal(await client.evaluate("count"), "7");
      await client.ok("[count, ...rest] = [8, 9, 10]; ({ count = 3 } = {} as { count?: number });");
      assert.equal(await client.evaluate("[count, rest]"), "[ 3, [ 9, 10 ] ]");
      await client.ok("for (count of [1, 2, 3]); count++; count **= 2;");
      assert.equal(await client.evaluate("count"), "16");
    });

    it("are one variable for the cell that declared it and for later ones", async () => {
      await client.ok("let live = 1; const bump = () => ++live;");
      await client.ok("live = 10;");
      assert.equal(await client.evaluate("[bump(), live]"), "[ 11, 11 ]");
    });

    it("do not disturb property names in patterns and literals", async () => {
      await client.ok("const options = { model: 'a', nested: { tokenizer: 'b' } };");
      assert.equal(
        await client.evaluate("const { model: first, nested: { tokenizer: second } } = options; [first, second]"),
        "[ 'a', 'b' ]",
      );
      await client.ok("let taken = ''; ({ model: taken } = options);");
      assert.equal(await client.evaluate("taken"), "'a'");
    });

    it("can be declared again with another type", async () => {
      await client.ok("const again = 1;");
      await client.ok("const again = 'text';");
      assert.equal(await client.evaluate("again.toUpperCase()"), "'TEXT'");
      await client.ok("function again() { return 5; }");
      assert.equal(await client.evaluate("again()"), "5");
    });

    it("leave a class the base that it was declared with, in its types as well", async () => {
      await client.ok("class Shape { area() { return 1; } }");
      await client.ok("class Square extends Shape {}");
      await client.ok("class Shape { size() { return 2; } }");
      assert.equal(await client.evaluate("[new Square().area(), 'size' in Square.prototype]"), "[ 1, false ]");
      const { reply } = await client.execute("new Square().size()");
      assert.match(String(reply.evalue), /Property 'size' does not exist on type 'Square'/);
      const { matches } = await client.request("complete_request", { code: "Shap", cursor_pos: 4 });
      assert.deepEqual(matches, ["Shape"]);
      await client.ok("class Square extends Shape {}");
      assert.equal(await client.evaluate("new Square().size()"), "2");
    });

    it("carry types, classes, enums and generics", async () => {
      await client.ok(`
        type Row = { id: number; tags?: string[] };
        interface Named { name: string }
        enum Color { Red, Green }
        abstract class Shape<T extends Named> { constructor(readonly of: T) {} abstract area(): number }`);
      await client.ok("class Square extends Shape<Named> { #side = 3; area() { return this.#side ** 2; } }");
      assert.equal(
        await client.evaluate("const square = new Square({ name: 's' }); square.area() + Color.Green"),
        "10",
      );
    });
  });

  it("accept anonymous classes with private members, which no declaration can describe", async () => {
    await client.ok("const Counter = class { private n = 1; next() { return this.n++; } };");
    assert.equal(await client.evaluate("new Counter().next()"), "1");
  });

  it("await at the top, in loops, and dispose", async () => {
    await client.ok("async function* numbers() { yield 1; yield 2; }");
    assert.equal(
      await client.evaluate("let sum = 0; for await (const n of numbers()) sum += n; sum + (await Promise.resolve(1))"),
      "4",
    );
    const { stdout } = await client.ok(
      "using file = { [Symbol.dispose]() { console.log('closed'); } };\nconsole.log('open');",
    );
    assert.equal(stdout, "open\nclosed\n");
  });

  it("know the libraries of ES2024", async () => {
    assert.equal(await client.evaluate("[3, 1].toSorted()"), "[ 1, 3 ]");
    assert.equal(
      await client.evaluate("Object.keys(Object.groupBy([1, 2], (n) => (n % 2 ? 'odd' : 'even')))"),
      "[ 'odd', 'even' ]",
    );
    assert.equal(await client.evaluate("typeof Promise.withResolvers<void>().resolve"), "'function'");
  });

  it("show a promise as a value without waiting for it", async () => {
    assert.equal(await client.evaluate("new Promise(() => {})"), "Promise { <pending> }");
  });

  it("may say export", async () => {
    await client.ok("export const shared = 3;\nexport function twice(n: number) { return n * 2; }");
    assert.equal(await client.evaluate("twice(shared)"), "6");
  });

  describe("declarations", () => {
    it("survive an error for what was reached", async () => {
      const { reply } = await client.execute(
        "const reached = 1; function helper() { return 2; }\nthrow new Error('stop');",
      );
      assert.equal(reply.evalue, "stop");
      assert.equal(await client.evaluate("reached + helper()"), "3");
    });

    it("that an error prevented keep their earlier meaning", async () => {
      await client.ok("const value = 'old', other = 1;");
      await client.execute("const value: number = JSON.parse('{');");
      assert.equal(await client.evaluate("value.toUpperCase()"), "'OLD'");
      const { reply } = await client.execute("const fresh = JSON.parse('{'); ");
      assert.equal(reply.ename, "SyntaxError");
      assert.match(String((await client.execute("fresh")).reply.evalue), /Cannot find name 'fresh'/);
    });
  });

  describe("errors", () => {
    it("of types show the line and a caret", async () => {
      const { reply } = await client.execute("const fine = 1;\nconst wrong: number = 'text';");
      assert.equal(reply.ename, "TypeScriptError");
      const text = stripVTControlCharacters(String((reply.traceback as string[])[0]));
      assert.match(text, /^Cell \[\d+\], line 2: TS2322 Type 'string' is not assignable to type 'number'\./);
      assert.match(text, /\n2 \| const wrong: number = 'text';\n {2}\| {7}\^{5}$/);
    });

    it("of types tell what is missing, as an editor would ask", async () => {
      const say = async (code: string) => String((await client.execute(code)).reply.evalue);
      assert.match(await say("fetch('data:,x').json()"), /Promise<Response>'\. Did you forget to use 'await'\?$/);
      assert.match(await say("const { a } = Promise.resolve({ a: 1 });"), /Did you forget to use 'await'\?$/);
      assert.match(await say("Promise.resolve([1])[0]"), /Did you forget to use 'await'\?$/);
      assert.match(await say("const n: number = Promise.resolve(1);"), /Did you forget to use 'await'\?$/);
      assert.match(await say("function f() { await 1; }"), /Did you mean to mark this function as 'async'\?$/);
      assert.match(await say("const p: Promise<string> = Promise.resolve(1);"), /not assignable to type 'string'\.$/);
    });

    it("of types speak of no compiler options", async () => {
      const say = async (code: string) => String((await client.execute(code)).reply.evalue);
      assert.match(await say("new Set([1]).union(new Set([2]))"), /'Set<number>'\. Cells have the library of ES2024/);
      assert.match(await say("document.title"), /'document'\. Cells run in Node; HTML and scripts .*%%html\.$/);
    });

    it("of other languages tell how TypeScript says it", async () => {
      assert.match(String((await client.execute("print(1)")).reply.evalue), /'print'\. It is console\.log/);
      const { reply } = await client.execute("// first\nimport numpy as np");
      assert.match(String(reply.evalue), /import \* as np from "numpy"$/);
      assert.equal((reply.traceback as string[]).length, 1);
    });

    it("at run time name the cell and its own line", async () => {
      await client.ok(
        "interface Gone { a: 1 }\ntype AlsoGone = 2;\nfunction fail(): never {\n  throw new RangeError('here');\n}",
      );
      const { reply } = await client.execute("const before = 1;\n\nfail();");
      assert.equal(reply.ename, "RangeError");
      const count = Number(reply.execution_count);
      assert.deepEqual(reply.traceback, [
        "RangeError: here",
        `    at fail (Cell [${count - 1}], line 4)`,
        `    at Cell [${count}], line 3`,
      ]);
    });

    it("quote names of earlier cells as the cell has them", async () => {
      await client.ok("const loose: any = { inner: {} };");
      const say = async (code: string) => String((await client.execute(code)).reply.evalue);
      assert.equal(await say("loose.inner.go();"), "loose.inner.go is not a function");
      assert.equal(
        await say("const { a } = loose.nothing;"),
        "Cannot destructure property 'a' of 'loose.nothing' as it is undefined.",
      );
      assert.equal(await say("(await loose).go();"), "(intermediate value).go is not a function");
      const { stdout } = await client.execute("try { loose.go(); } catch (error) { console.log(error); }");
      assert.match(stdout, /^TypeError: loose\.go is not a function\n/);
      assert.equal(await say("throw new TypeError('module.exports.go')"), "module.exports.go");
    });

    it("leave out what TypeScript has put around `using`", async () => {
      const { reply } = await client.execute(
        "using bad = { [Symbol.dispose]() { throw new Error('disposing'); } };\nthrow new Error('body');",
      );
      assert.equal(reply.ename, "SuppressedError");
      const text = (reply.traceback as string[]).join("\n");
      assert.match(text, /disposing\n +at \[nodejs\.dispose\] \(Cell \[\d+\], line 1\)/);
      assert.match(text, /body\n +at Cell \[\d+\], line 2/);
      assert.doesNotMatch(text, /__disposeResources|at (?:fail|next) /);
    });

    it("keep their causes, and values that are no errors are shown", async () => {
      const { reply } = await client.execute("throw new Error('outer', { cause: new TypeError('inner') });");
      assert.match((reply.traceback as string[]).join("\n"), /outer[\s\S]*\[cause\]: TypeError: inner/);
      assert.equal((await client.execute("throw { custom: 1 };")).reply.evalue, "{ custom: 1 }");
    });
  });

  describe("modules", () => {
    before(() => {
      const modules = join(kernel.cwd, "node_modules");
      const add = (name: string, manifest: object, files: Record<string, string>) => {
        mkdirSync(join(modules, name), { recursive: true });
        writeFileSync(join(modules, name, "package.json"), JSON.stringify({ name, version: "1.0.0", ...manifest }));
        for (const [file, text] of Object.entries(files)) writeFileSync(join(modules, name, file), text);
      };
      add(
        "esm-only",
        { type: "module", exports: { ".": { types: "./i.d.ts", import: "./i.js" } } },
        {
          "i.js": "export const a = await Promise.resolve(1); export default 2;",
          "i.d.ts": "export const a: number; declare const d: number; export default d;",
        },
      );
      add(
        "old-style",
        { main: "i.js", types: "i.d.ts" },
        {
          "i.js": "const all = { f: () => 3 }; module.exports = Object.assign(() => 4, all);",
          "i.d.ts": "declare function g(): number; declare namespace g { function f(): number } export = g;",
        },
      );
    });

    it("that are ESM only, with top-level await, import both ways", async () => {
      assert.equal(await client.evaluate('import two, { a } from "esm-only"; [a, two]'), "[ 1, 2 ]");
      assert.equal(await client.evaluate('(await import("esm-only")).a'), "1");
    });

    it("that are CommonJS import with default and names", async () => {
      assert.equal(await client.evaluate('import g, { f } from "old-style"; [g(), f()]'), "[ 4, 3 ]");
      assert.equal(await client.evaluate("[g(), f()]"), "[ 4, 3 ]");
      assert.equal(await client.evaluate('require("old-style")()'), "4");
    });

    it("of node and of the kernel are there, typed", async () => {
      assert.equal(
        await client.evaluate(
          'import { join } from "node:path"; import fs from "fs"; join("a", typeof fs.readFileSync)',
        ),
        "'a/function'",
      );
      assert.equal(await client.evaluate('import { desc } from "arquero"; typeof desc'), "'function'");
    });

    it("that are local files are compiled, and again when they change", async () => {
      writeFileSync(join(kernel.cwd, "util.ts"), "export const scale = (n: number): number => n * 2;");
      assert.equal(await client.evaluate('import { scale } from "./util"; scale(4)'), "8");
    });

    it("have import.meta and __dirname of the notebook", async () => {
      assert.equal(await client.evaluate("import.meta.url.startsWith('file:') && __dirname === process.cwd()"), "true");
    });

    it("that are missing say how to get them", async () => {
      const { reply } = await client.execute('await import("no-such-package-here" as string)');
      assert.match(String(reply.evalue), /Cannot find the package "no-such-package-here"\. Install it/);
      const missing = async (specifier: string) => (await client.execute(`import x from "${specifier}"`)).reply.evalue;
      assert.match(String(await missing("not-here/part")), /^Cannot find module .*: npm install not-here$/);
      assert.match(String(await missing("@not/here")), /: npm install @not\/here$/);
      assert.match(String(await missing("npm:@not/here@1.2/part")), /Import "@not\/here", .*: npm install @not\/here$/);
      assert.match(String(await missing("https://not.here/x.ts")), /Cells import files, and packages that npm has/);
      for (const own of ["./not-here", "node:not-here"]) assert.doesNotMatch(String(await missing(own)), /npm install/);
    });

    it("written for tslab show their output", async () => {
      const { displays } = await client.ok('import * as tslab from "tslab"; tslab.display.html("<b>x</b>");');
      assert.deepEqual(displays, [{ "text/html": "<b>x</b>" }]);
    });
  });
});
