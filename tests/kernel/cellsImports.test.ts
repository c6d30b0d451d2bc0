/** Where a cell's imports come from: files beside the notebook, its packages, the kernel's packages. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { type TestClient, TestKernel } from "./client.js";

describe("a cell imports", () => {
  let kernel: TestKernel;
  let client: TestClient;
  let project: string;
  let time = Date.now() / 1000 - 1000;

  before(async () => {
    project = mkdtempSync(join(tmpdir(), "tunelab-project-"));
    const cwd = join(project, "notebooks");
    mkdirSync(cwd);
    // Node does not look twice for a package.json.
    writeFileSync(join(cwd, "package.json"), '{ "name": "notebooks", "imports": { "#part/*": "./parts/*.ts" } }');
    kernel = await TestKernel.start({ cwd });
    client = await kernel.connect();
  });
  after(async () => {
    await kernel.stop();
    rmSync(project, { recursive: true });
  });

  /** Writes a file that is surely newer than its older version. */
  const write = (path: string, text: string): void => {
    const file = join(kernel.cwd, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    utimesSync(file, ++time, time);
  };
  const addPackage = (name: string, manifest: object, files: Record<string, string>): void => {
    write(`node_modules/${name}/package.json`, JSON.stringify({ name, version: "1.0.0", ...manifest }));
    for (const [file, text] of Object.entries(files)) write(`node_modules/${name}/${file}`, text);
  };
  const traceback = async (code: string): Promise<string> => {
    const { reply } = await client.execute(code);
    assert.equal(reply.status, "error");
    return stripVTControlCharacters((reply.traceback as string[]).join("\n"));
  };

  describe("local sources", () => {
    it("anew when they, or files that they import, have changed", async () => {
      write("outer.ts", 'import { inner } from "./inner"; export const scale = (n: number) => n * inner;');
      write("inner.ts", "export const inner = 2;");
      assert.equal(await client.evaluate('import { scale } from "./outer"; scale(4)'), "8");
      write("inner.ts", "export const inner = 3;");
      assert.equal(await client.evaluate("scale(4)"), "8");
      assert.equal(await client.evaluate('import { scale } from "./outer"; scale(4)'), "12");
      assert.equal(await client.evaluate('(await import("./outer")).scale(1)'), "3");
      write("outer.ts", "export const scale = (n: number) => n.toFixed(1);");
      assert.equal(await client.evaluate('import { scale } from "./outer"; scale(4).length'), "3");
    });

    it("by any of the names that other runtimes give them", async () => {
      write("named.ts", "export const value = 1;");
      for (const specifier of ["./named", "./named.js", "./named.ts"]) {
        assert.equal(await client.evaluate(`import { value } from "${specifier}"; value`), "1", specifier);
      }
      write("folder/index.ts", 'export * from "./part.ts";');
      write("folder/part.ts", "export const part = 2;");
      assert.equal(await client.evaluate('import { part } from "./folder"; part'), "2");
    });

    it("of the kinds .mts, .tsx, .js, .mjs and .cjs", async () => {
      write("kind.mts", "export const kind: string = 'mts';");
      write("old.cjs", "module.exports = { kind: 'cjs' };");
      write("new.mjs", "export const kind = await Promise.resolve('mjs');");
      write("plain.js", "export const kind = 'js';");
      const jsx = "declare global { namespace JSX { interface IntrinsicElements { b: object } } }";
      write("view.tsx", `${jsx}\nconst React = { createElement: (tag: string) => tag };\nexport const kind = <b />;`);
      for (const [specifier, kind] of [
        ["./kind.mjs", "mts"],
        ["./kind.mts", "mts"],
        ["./old.cjs", "cjs"],
        ["./new.mjs", "mjs"],
        ["./plain.js", "js"],
        ["./view", "b"],
      ]) {
        assert.equal(await client.evaluate(`import { kind } from "${specifier}"; kind`), `'${kind}'`);
      }
      write("kind.mts", "export const kind: string = 'new';");
      assert.equal(await client.evaluate('import { kind } from "./kind.mts"; kind'), "'new'");
    });

    it("whose import.meta is their own", async () => {
      write("deep/meta.ts", "export const meta = [import.meta.url, import.meta.dirname, import.meta.filename];");
      const at = join(kernel.cwd, "deep");
      assert.equal(
        await client.evaluate('import { meta } from "./deep/meta"; meta.join(" ")'),
        `'file://${at}/meta.ts ${at} ${at}/meta.ts'`,
      );
    });

    it("whose errors name the file and its own line", async () => {
      write("throws.ts", "interface Gone { a: 1 }\n\nexport function f() {\n  throw new RangeError('deep');\n}");
      const text = await traceback('import { f } from "./throws";\nf();');
      assert.match(text, /^RangeError: deep\n {4}at f \(throws\.ts, line 4\)\n {4}at Cell \[\d+\], line 2$/);
      write("wrong.ts", "\nexport const w: string = 1;");
      assert.match(await traceback('import { w } from "./wrong";'), /^wrong\.ts, line 2: TS2322/);
      write("waits.ts", "export const w = await Promise.resolve(1);");
      assert.match(
        await traceback('import { w } from "./waits"; w'),
        /waits\.ts awaits at its top level.*Export a promise/,
      );
    });

    it("outside the notebook's directory, anew when they have changed", async () => {
      write(
        "../shared-parts/scale.ts",
        'import { inner } from "./inner"; export const scale = (n: number) => n * inner;',
      );
      write("../shared-parts/inner.ts", "export const inner = 2;");
      write("../shared-parts/data.json", '{ "a": 1 }');
      const imports = 'import { scale } from "../shared-parts/scale"; import data from "../shared-parts/data.json";';
      assert.equal(await client.evaluate(`${imports} scale(4) + data.a`), "9");
      write("../shared-parts/inner.ts", "export const inner = 3;");
      write("../shared-parts/data.json", '{ "a": 1, "b": "new" }');
      assert.equal(await client.evaluate(`${imports} scale(4) + data.b.length`), "15");
    });

    it("by the names of their packages, which Node maps or links to them", async () => {
      write("parts/one.ts", "export const one: number = 1;");
      write("../packages/linked/main.ts", 'import { one } from "#part/one"; export const two = one + 1;');
      write(
        "../packages/linked/package.json",
        '{ "name": "linked", "main": "main.ts", "imports": { "#part/*": "./*.ts" } }',
      );
      write("../packages/linked/one.ts", "export const one = 1;");
      mkdirSync(join(kernel.cwd, "node_modules"), { recursive: true });
      symlinkSync(join(project, "packages/linked"), join(kernel.cwd, "node_modules/linked"));
      const imports = 'import { one } from "#part/one"; import { two } from "linked";';
      assert.equal(await client.evaluate(`${imports} [one, two]`), "[ 1, 2 ]");
      write("parts/one.ts", "export const one: number = 5;");
      write("../packages/linked/one.ts", "export const one = 9;");
      assert.equal(await client.evaluate(`${imports} [one, two]`), "[ 5, 10 ]");
    });

    it("that took the place of others", async () => {
      write("place.ts", "export const place = 'file';");
      assert.equal(await client.evaluate('import { place } from "./place"; place'), "'file'");
      rmSync(join(kernel.cwd, "place.ts"));
      assert.match(await traceback('import { place } from "./place"; place'), /TS2307/);
      write("place/index.ts", "export const place = 'folder';");
      assert.equal(await client.evaluate('import { place } from "./place"; place'), "'folder'");
    });

    it("of JavaScript with declarations beside it, by a name without an ending", async () => {
      write("described.js", "exports.a = 1;");
      write("described.d.ts", "export const a: number;");
      assert.equal(await client.evaluate('import { a } from "./described"; a'), "1");
    });

    it("only by names that stand in a cell", async () => {
      write("unnamed.ts", "export const a: number = 1;");
      for (const name of ["./unnamed", "./unnamed.ts"]) {
        const text = await traceback(`const at = "${name}";\nawait import(at);`);
        assert.match(text, /^Error: "\.\/unnamed[^\n]* was not compiled[^\n]*Write the name itself/);
      }
      assert.equal(await client.evaluate('(await import("./unnamed")).a'), "1");
      assert.equal(await client.evaluate('const at = "./unnamed"; (await import(at)).a'), "1");
    });

    it("for their effect, once", async () => {
      write("effect.ts", "console.log('effect');");
      assert.equal((await client.ok('import "./effect";')).stdout, "effect\n");
      assert.equal((await client.ok('import "./effect";')).stdout, "");
    });
  });

  it("JSON with and without an attribute, anew when it has changed, also through a file", async () => {
    write("data.json", '{ "a": 1, "list": [1] }');
    write("reads.ts", 'import data from "./data.json"; export const a = data.a;');
    assert.equal(await client.evaluate('import data from "./data.json"; data.list'), "[ 1 ]");
    assert.equal(await client.evaluate('import d2, { a } from "./data.json" with { type: "json" }; d2.a + a'), "2");
    assert.equal(await client.evaluate('import { a as ra } from "./reads"; ra'), "1");
    write("data.json", '{ "a": 2, "b": "new" }');
    assert.equal(await client.evaluate('import data from "./data.json"; data.b.length'), "3");
    assert.equal(await client.evaluate('(await import("./data.json", { with: { type: "json" } })).default.a'), "2");
    assert.equal(await client.evaluate('import { a as ra } from "./reads"; ra'), "2");
  });

  describe("packages", () => {
    it("of the notebook's directory before the kernel's, typed from there", async () => {
      addPackage(
        "arquero",
        { main: "i.js", types: "i.d.ts" },
        { "i.js": "exports.mine = 'notebook';", "i.d.ts": "export const mine: string;" },
      );
      assert.equal(await client.evaluate('import { mine } from "arquero"; mine.length'), "8");
      assert.match(await traceback('import { desc } from "arquero";'), /TS2305.*no exported member 'desc'/);
    });

    it("of the kernel, typed by their own types or by @types beside them", async () => {
      assert.equal(await client.evaluate('import yaml from "yaml"; yaml.parse("a: 1").a'), "1");
      assert.match(await traceback('import { scaleLinear } from "d3-scale"; scaleLinear(1, 2, 3).nothing'), /TS2\d+/);
    });

    it("whose parts are named without their endings", async () => {
      addPackage(
        "parted",
        { main: "i.js" },
        { "i.js": "", "get.js": "module.exports = () => 'got';", "more/index.js": "exports.more = 1;" },
      );
      assert.equal(await client.evaluate('import get from "parted/get"; get()'), "'got'");
      assert.equal(await client.evaluate('import { more } from "parted/more"; more'), "1");
      assert.match(await traceback('import get from "parted/gone";'), /Cannot find module .*parted.gone/);
    });

    it("and says which cell imported one that cannot be loaded", async () => {
      addPackage(
        "broken",
        { main: "i.js" },
        { "i.js": "function load() {\n  throw new RangeError('no');\n}\nload();" },
      );
      const text = await traceback('const a = 1;\n\nimport "broken";');
      assert.match(text, /^RangeError: no\n {4}at load \(.*broken.i\.js:2:9\)\n[\s\S]*\n {4}at Cell \[\d+\], line 3$/);
      const again = await traceback('import "broken";');
      assert.deepEqual(again.match(/at Cell .*/g)?.length, 1);
      assert.match(
        await traceback('\nimport "not-installed";'),
        /Cannot find the package[^\n]*\n {4}at Cell \[\d+\], line 2/,
      );
      for (const what of ["./not-there.js", "not-installed"]) {
        const dynamic = await traceback(`const name = "${what}";\nawait import(name);`);
        assert.match(dynamic, /^Error: Cannot find [^\n]*\n {4}at Cell \[\d+\], line 2 \{/);
      }
      const required = await traceback('require("not-installed/part")');
      assert.match(
        required,
        /^Error: Cannot find the package "not-installed\/part"[^\n]*: npm install not-installed\n/,
      );
    });

    it("with a scope, parts and ES modules only", async () => {
      addPackage(
        "@scope/esm",
        { type: "module", exports: { "./part": { types: "./p.d.ts", default: "./p.js" } } },
        { "p.js": "export default () => 1;", "p.d.ts": "declare const f: () => number; export default f;" },
      );
      assert.equal(await client.evaluate('import one from "@scope/esm/part"; one()'), "1");
    });

    it("without types as any, until types are installed", async () => {
      addPackage("untyped", { main: "i.js" }, { "i.js": "module.exports = { u: 1 };" });
      assert.equal(await client.evaluate('import { u } from "untyped"; u.anything'), undefined);
      addPackage("@types/untyped", { types: "i.d.ts" }, { "i.d.ts": "export const u: number;" });
      assert.match(await traceback('import { u } from "untyped"; u.anything'), /TS2339/);
    });
  });

  it("by import.meta.resolve, from the notebook and from the kernel", async () => {
    write("here.ts", "export {};");
    const paths = await client.evaluate(
      '["./here.ts", "fs", "zeromq"].map((name) => import.meta.resolve(name).replace(/.*(?=here|zeromq.lib)/, "")).join()',
    );
    assert.equal(paths, "'here.ts,node:fs,zeromq/lib/index.js'");
    assert.match(
      await traceback('import.meta.resolve("not-there")'),
      /Cannot find the package "not-there"\. Install it/,
    );
    assert.equal(await client.evaluate("import.meta.dirname"), `'${kernel.cwd}'`);
  });
});
