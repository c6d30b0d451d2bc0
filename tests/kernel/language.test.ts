/** What front ends show while a person writes: completion and inspection, of notebooks, packages and the library. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { JsonObject } from "../../kernel/protocol/messages.js";
import { type TestClient, TestKernel } from "./client.js";

const LIBRARY = fileURLToPath(new URL("library", import.meta.url));

interface Item {
  text: string;
  type: string;
  signature: string;
}

describe("a person who writes a cell", () => {
  let kernel: TestKernel;
  let client: TestClient;

  before(async () => {
    kernel = await TestKernel.start({ env: { TUNELAB_PRELOAD: LIBRARY } });
    const write = (path: string, text: string) => {
      mkdirSync(dirname(join(kernel.cwd, path)), { recursive: true });
      writeFileSync(join(kernel.cwd, path), text);
    };
    write("node_modules/paints/package.json", '{ "name": "paints", "version": "1.0.0", "types": "i.d.ts" }');
    write("node_modules/paints/i.d.ts", "export function mix(a: string, b?: string): string;\nexport interface Pot {}");
    write("node_modules/@wall/paper/package.json", '{ "name": "@wall/paper", "types": "i.d.ts" }');
    write("node_modules/@wall/paper/i.d.ts", "export const paper: number;");
    write("helpers.ts", "export const help = 1;");
    write("inner/deep.ts", "export const deep = 1;");
    write("package.json", '{ "name": "writes", "imports": { "#inner/*": "./inner/*.ts" } }');
    client = await kernel.connect();
    await client.ok(`
      const matrix = { rows: 2, columns: 3 };
      enum Color { Red }
      interface Options {
        mode?: "fast" | "exact";
        /** How often. */
        times: number;
      }
      /**
       * Adds two numbers, see {@link matrix}.
       * @param a the first one
       * @param b - the second one
       * @returns their sum
       * @example
       * add(1, 2)
       */
      function add(a: number, b = 2) { return a + b; }
      const configure = (options: Options) => options;
      class Point {
        constructor(readonly x: number) {}
        /** Moves it. */
        move(by: number) { return this.x + by; }
      }`);
  });
  after(() => kernel.stop());

  /** Code with a bar where the cursor is. */
  function cursor(marked: string): { code: string; cursor_pos: number } {
    return { code: marked.replace("|", ""), cursor_pos: [...marked.slice(0, marked.indexOf("|"))].length };
  }

  async function complete(marked: string): Promise<{ reply: JsonObject; items: Map<string, Item> }> {
    const reply = await client.request("complete_request", cursor(marked));
    const { _jupyter_types_experimental: items } = reply.metadata as { _jupyter_types_experimental: JsonObject[] };
    for (const { start, end } of items) assert.deepEqual([start, end], [reply.cursor_start, reply.cursor_end]);
    assert.deepEqual(
      items.map(({ text }) => text),
      reply.matches,
    );
    return { reply, items: new Map(items.map((item) => [String(item.text), item as unknown as Item])) };
  }

  /** The code after each match was taken. */
  async function completed(marked: string): Promise<string[]> {
    const { reply } = await complete(marked);
    const { code } = cursor(marked);
    return (reply.matches as string[]).map(
      (match) => code.slice(0, Number(reply.cursor_start)) + match + code.slice(Number(reply.cursor_end)),
    );
  }

  async function inspect(marked: string, level = 0): Promise<{ text: string; markdown: string } | undefined> {
    const reply = await client.request("inspect_request", { ...cursor(marked), detail_level: level });
    assert.equal(reply.status, "ok");
    const data = reply.data as JsonObject;
    assert.deepEqual(Object.keys(data), reply.found ? ["text/plain", "text/markdown"] : []);
    return reply.found ? { text: String(data["text/plain"]), markdown: String(data["text/markdown"]) } : undefined;
  }

  describe("is offered", () => {
    it("names with the kinds that front ends know", async () => {
      const kinds: Record<string, string> = {};
      for (const name of ["matrix", "add", "configure", "Point", "Color", "Options", "Trainer", "parseInt", "JSON"]) {
        kinds[name] = (await complete(`${name}|`)).items.get(name)?.type ?? "";
      }
      assert.deepEqual(kinds, {
        matrix: "instance",
        add: "function",
        configure: "function",
        Point: "class",
        Color: "enum",
        Options: "",
        Trainer: "class",
        parseInt: "function",
        JSON: "instance",
      });
      const { items } = await complete("let x: Opt|");
      assert.equal(items.get("Options")?.type, "interface");
      assert.equal((await complete("awai|")).items.get("await")?.type, "keyword");
      assert.equal((await complete("matrix.|")).items.get("rows")?.type, "property");
      assert.equal((await complete("Color.|")).items.get("Red")?.type, "property");
    });

    it("signatures of what can be called", async () => {
      assert.equal((await complete("add|")).items.get("add")?.signature, "(a: number, b?: number | undefined): number");
      assert.equal((await complete("new Poi|")).items.get("Point")?.signature, "(x: number): Point");
      assert.equal((await complete("new Point(1).|")).items.get("move")?.signature, "(by: number): number");
      assert.match((await complete("loa|")).items.get("load")?.signature ?? "", /^\(options: .*\): Promise</);
      assert.match((await complete("'a'.spli|")).items.get("split")?.signature ?? "", / \(\+1 overload\)$/);
      assert.equal((await complete("matrix|")).items.get("matrix")?.signature, "");
    });

    it("own names before the library's, and these before globals", async () => {
      const { reply } = await complete("|");
      const matches = reply.matches as string[];
      const places = ["matrix", "Trainer", "Array"].map((name) => matches.indexOf(name));
      assert.ok(
        places.every((place, index) => place > (places[index - 1] ?? -1)),
        String(places),
      );
    });

    it("options of a call, and their values", async () => {
      assert.deepEqual(await completed("configure({ ti| })"), ["configure({ times })"]);
      assert.deepEqual(await completed("new Trainer({ maxS|"), ["new Trainer({ maxSteps"]);
      assert.deepEqual(await completed("configure({ mode: 'f|' })"), ["configure({ mode: 'fast' })"]);
      assert.deepEqual(await completed('configure({ mode: "|" })'), [
        'configure({ mode: "exact" })',
        'configure({ mode: "fast" })',
      ]);
      assert.deepEqual(await completed("matrix['col|']"), ["matrix['columns']"]);
    });

    it("packages: the notebook's, the kernel's, Node's", async () => {
      assert.deepEqual(await completed('import { mix } from "pai|"'), ['import { mix } from "paints"']);
      assert.deepEqual(await completed("const p = require('pain|')"), ["const p = require('paints')"]);
      assert.deepEqual(await completed('await import("pra|")'), ['await import("practice-library")']);
      assert.deepEqual(await completed('import x from "@wall/|"'), ['import x from "@wall/paper"']);
      assert.deepEqual(await completed('import x from "node:fs/pr|"'), ['import x from "node:fs/promises"']);
      assert.equal((await complete('import x from "pai|"')).items.get("paints")?.type, "module");
    });

    it("files beside the notebook", async () => {
      assert.deepEqual(await completed('import { help } from "./hel|"'), ['import { help } from "./helpers"']);
      assert.deepEqual(await completed('import x from "./inner/|"'), ['import x from "./inner/deep"']);
      assert.deepEqual(await completed('import x from "#inner/|"'), ['import x from "#inner/deep"']);
      const { items } = await complete('import x from "./|"');
      assert.deepEqual([...items.keys()], ["helpers", "inner", "package.json"]);
      assert.equal(items.get("inner")?.type, "path");
    });

    it("what a module exports", async () => {
      assert.deepEqual(await completed('import { m| } from "paints"'), ['import { mix } from "paints"']);
      const { items } = await complete('import { | } from "paints"');
      assert.equal(items.get("Pot")?.type, "interface");
      assert.equal(items.get("mix")?.signature, "(a: string, b?: string | undefined): string");
    });

    it("nothing inside a plain text or a comment", async () => {
      for (const code of ["const s = 'mat|'", "// mat|", "`mat|`"]) assert.deepEqual(await completed(code), [], code);
    });

    it("the same, whatever stands behind the cursor", async () => {
      assert.deepEqual(await completed("mat|rix.rows"), ["matrix.rows"]);
      assert.deepEqual(await completed("f(matrix.co|, 2)"), ["f(matrix.columns, 2)"]);
    });
  });

  describe("is told", () => {
    it("signature, documentation and tags, as text and as markdown", async () => {
      const { text, markdown } = (await inspect("add|"))!;
      assert.equal(
        text,
        "function add(a: number, b?: number): number\n\nAdds two numbers, see `matrix`.\n\n" +
          "@param a the first one\n@param b the second one\n@returns their sum\n@example add(1, 2)",
      );
      assert.equal(
        markdown,
        "```typescript\nfunction add(a: number, b?: number): number\n```\n\nAdds two numbers, see `matrix`.\n\n" +
          "*@param* `a` — the first one\n\n*@param* `b` — the second one\n\n*@returns* — their sum\n\n" +
          "*@example*\n```typescript\nadd(1, 2)\n```",
      );
    });

    it("which function is called, wherever among its arguments the cursor stands", async () => {
      for (const code of [
        "add(|",
        "add(|)",
        "add(1, |)",
        "add( | )",
        "add(1,\n  |",
        "add(|matrix.rows)",
        "f(add(1, |))",
      ]) {
        assert.match((await inspect(code))?.text ?? code, /^function add\(/, code);
      }
      assert.match((await inspect("new Point(|)"))?.text ?? "", /^constructor Point\(x: number\): Point/);
      assert.match(
        (await inspect("new Point(1).move(|"))?.text ?? "",
        /Point\.move\(by: number\): number\n\nMoves it\./,
      );
      assert.match((await inspect("add(matrix|.rows)"))?.text ?? "", /^const matrix/);
      assert.match((await inspect("add(mat|rix.rows)"))?.text ?? "", /^const matrix/);
    });

    it("what an option means", async () => {
      for (const code of ["configure({ times|: 1 })", "configure({ ti|mes })", "configure({ times|"]) {
        assert.match((await inspect(code))?.text ?? code, /Options\.times: number\n\nHow often\./, code);
      }
      assert.match((await inspect("new Trainer({ maxSteps|"))?.text ?? "", /maxSteps/);
    });

    it("what preloaded and imported names are, and packages", async () => {
      assert.match((await inspect("loa|d"))?.markdown ?? "", /^```typescript\nfunction load\([\s\S]*Loads a model/);
      assert.match((await inspect('import { mix| } from "paints"'))?.text ?? "", /^function mix\(a: string/);
      assert.equal((await inspect('import * as p from "paints"; p|'))?.text, 'import * as p from "paints";');
      assert.match((await inspect("[1].map(|"))?.text ?? "", /Calls a defined callback function on each element/);
    });

    it("nothing where there is nothing", async () => {
      for (const code of ["|", "  |", "return|", "42|", "nowhere|", "add(1)|", "f(|"]) {
        assert.equal(await inspect(code), undefined, code);
      }
    });

    it("where a name is declared, when asked for more", async () => {
      const { text, markdown } = (await inspect('import { mix } from "paints"; mix|', 1))!;
      const declared = "export function mix(a: string, b?: string): string;";
      assert.match(text, /\n\nDeclared in node_modules\/paints\/i\.d\.ts:1:\n\n/);
      assert.ok(text.endsWith(declared), text);
      assert.ok(markdown.endsWith(`\`\`\`typescript\n${declared}\n\`\`\``), markdown);
      assert.doesNotMatch((await inspect("add|", 1))?.text ?? "", /Declared/);
      assert.match((await inspect("parseInt|", 1))?.text ?? "", /\n\nDeclared:\n\ndeclare function parseInt\(/);
      assert.match((await inspect("load|", 1))?.text ?? "", /Declared in .*tests\/kernel\/library\/load\.d\.ts:\d+:/);
    });

    it("about characters beyond the basic plane, at its own positions", async () => {
      assert.match((await inspect("const 𝒙 = '🎉'; add(𝒙, |)"))?.text ?? "", /^function add/);
    });
  });
});
