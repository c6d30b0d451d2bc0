import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { type NotebookCell, readNotebook } from "../../kernel/export/notebook.js";
import { exportNotebook, exportSource } from "../../kernel/export.js";
import type { MimeBundle } from "../../kernel/protocol/messages.js";
import { TestKernel } from "./client.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const library = new Map([
  ["display", { module: join(root, "kernel", "script.ts"), imported: "display", typeOnly: false }],
  ["Dataset", { module: "tunelab", imported: "Dataset", typeOnly: false }],
  ["Options", { module: "tunelab", imported: "Options", typeOnly: true }],
  ["aq", { module: "tunelab/aq", imported: "*", typeOnly: false }],
]);

/** So that the texts of cells can hold "${" without being templates themselves. */
const dollar = "$";
const code = (source: string, ...tags: string[]): NotebookCell => ({ type: "code", source, tags });
const markdown = (source: string): NotebookCell => ({ type: "markdown", source, tags: [] });
const script = (...cells: (NotebookCell | string)[]): string =>
  exportSource(
    cells.map((cell) => (typeof cell === "string" ? code(cell) : cell)),
    { preloaded: library },
  );

describe("export: the script's text", () => {
  it("refuses what only a notebook has, unless the notebook declares the name itself", () => {
    assert.throws(() => script("comms.register('mine', () => {});"), /"comms", which works in a notebook only/);
    assert.match(script("const comms = 1;", "comms + 1"), /display\(comms \+ 1\)/);
  });

  it("keeps widgets and questions, and says what a widget is in a script", () => {
    const text = exportSource([
      code("const stop = new Button();\nconst rank = new IntSlider();"),
      code("prompt('name');"),
    ]);
    assert.match(
      text,
      /^import \{ Button, display, IntSlider, prompt \} from "tunelab\/script";\n\n\/\/ Nobody moves or presses/,
    );
    assert.match(text, /widgets of a script \(Button, IntSlider\)/);
    assert.doesNotMatch(exportSource([code("class Button {}"), code("new Button();")]), /Nobody|import.*Button/);
  });

  it("takes what tslab and ES2024 gave to the notebook from the same place as the rest", () => {
    assert.match(
      script('import * as tslab from "tslab";\ntslab.display.html("x");'),
      /import \* as tslab from "tunelab\/tslab";/,
    );
    for (const code of ["Object.groupBy([1], String);", "new DisposableStack();", "using it = [1].values();"]) {
      assert.match(script(code), /^import .*script/, code);
    }
    assert.doesNotMatch(script("// using a word\nconst a = 1;"), /import/);
  });

  it("ends what a line's end ended, before a cell that could go on with it", () => {
    assert.match(
      script("const a = 5", "[1].forEach(f)\nf(a)"),
      /const a = 5;\n\n\[1\]\.forEach\(f\);\ndisplay\(f\(a\)\);\n$/,
    );
    assert.match(script("console.log(1)\nconst { a } = o", "const { a } = p"), /console\.log\(1\);\n\(\{ a \} = o\);/);
  });

  it("shows values also where the notebook has a display of its own", () => {
    assert.match(
      script('import { display } from "tslab";\ndisplay.text("x");', "1 + 1"),
      /^import \{ display \} from "tunelab\/tslab";\nimport \{ display as show \} from "tunelab\/script";\n[\s\S]*\nshow\(1 \+ 1\);\n$/,
    );
    assert.match(script("const display = 1, show = 2;", "display + show"), /\nshow_\(display \+ show\);\n$/);
  });

  it("keeps markdown as comments and cells in order", () => {
    assert.equal(script(markdown("# Title\n\ntext"), "const a = 1;"), "// # Title\n//\n// text\n\nconst a = 1;\n");
  });

  it("imports the preloaded names that are used, and no other", () => {
    assert.equal(
      script("const d: Options = {};\nconst e = new Dataset(d);\nconst o = { aq: 1 };"),
      'import { Dataset, type Options } from "tunelab";\nimport "tunelab/script";\n\n' +
        "const d: Options = {};\nconst e = new Dataset(d);\nconst o = { aq: 1 };\n",
    );
  });

  it("imports the library's own tf and aq", () => {
    assert.match(script("const t = aq.table({});"), /^import \* as aq from "tunelab\/aq";/);
  });

  it("hoists imports and names each once", () => {
    const text = script(
      'import { join } from "node:path";\nconst a = join("a", "b");',
      'import { join, resolve } from "node:path";\nimport fs from "node:fs";\nconst b = resolve(a), c = fs.existsSync(b);',
    );
    assert.match(text, /^import \{ join, resolve \} from "node:path";\nimport fs from "node:fs";\n\nconst a/);
    assert.equal(text.match(/import/g)?.length, 2);
  });

  it("marks imported types and drops imports that nothing uses", () => {
    const text = script(
      'import { Stats, readFileSync, type Dirent, rmSync } from "node:fs";\nlet s: Stats;\nrmSync("x");',
    );
    assert.match(text, /^import \{ rmSync, type Stats \} from "node:fs";/);
  });

  it("keeps an import that is there for its effect", () => {
    assert.match(script('import "dotenv/config";\nconst a = 1;'), /^import "dotenv\/config";/);
  });

  it("does not import a preloaded name that a cell declares", () => {
    assert.doesNotMatch(script("const Dataset = 3;", "const x = Dataset + 1;"), /import/);
  });

  it("refuses a name that is imported and declared", () => {
    assert.throws(
      () => script('import { join } from "node:path";\njoin("a");', "const join = 1;"),
      /"join" is imported and declared as well/,
    );
  });

  it("comments magics out, and cells of other languages as a whole", () => {
    assert.equal(script("%time\nconst a = 1;"), "// %time\nconst a = 1;\n");
    assert.equal(script("%%python\nprint(1)"), "// %%python\n// print(1)\n");
    assert.equal(script("this is no code"), "// Not run, for it is no TypeScript:\n// this is no code\n");
  });

  it("keeps cells with magics, and times what was timed", () => {
    assert.equal(
      script("%%time\nconst a = 1;", "%check warn\n%%check warn\n\nconst b: string = a;"),
      'console.time("Wall time");\n// %%time\nconst a = 1;\nconsole.timeEnd("Wall time");\n\n' +
        "// %check warn\n// %%check warn\nconst b: string = a;\n",
    );
    assert.match(script("%%time\n1 + 1"), /console\.time\([\s\S]*display\(1 \+ 1\);\nconsole\.timeEnd/);
    assert.equal(
      script(`%%bash -e\necho ${dollar}{A} \`b\`\n%%ls`),
      'import { execFileSync } from "node:child_process";\n\n// %%bash -e\n' +
        `void execFileSync("bash", ["-e", "-c", \`echo \\${dollar}{A} \\\`b\\\`\n%%ls\`], ` +
        '{ stdio: ["ignore", "inherit", "inherit"] });\n',
    );
    assert.match(script("%%sh --no-raise-error\nexit 3"), /void spawnSync\("sh"/);
    assert.match(script("%%html\n<b>x</b>"), /display\(\{ "text\/html": `<b>x<\/b>` \}, \{ raw: true \}\);/);
  });

  it("reads exports, a hashbang and an object literal as the kernel does", () => {
    assert.match(
      script("#!/usr/bin/env node\nexport const a = 1;\n{ a: a }"),
      /\nconst a = 1;\ndisplay\(\(\{ a: a \}\)\);\n$/,
    );
  });

  it("refuses a cell that makes itself a module", () => {
    assert.throws(() => script("/** @module shapes */\nexport const a = 1;"), /the module "shapes".*file shapes\.ts/);
  });

  it("leaves a negation alone although it starts like a shell line", () => {
    assert.match(script("let a = true;\n!a;"), /display\(!a\);/);
  });

  it("shows the last value of a cell", () => {
    assert.match(script("const a = 1;\na + 1"), /display\(a \+ 1\);\n$/);
    assert.match(script("await Promise.resolve(3);"), /display\(await Promise\.resolve\(3\)\);\n$/);
  });

  it("shows an assignment as the kernel does, but no logging and no declaration", () => {
    for (const source of ["a = 2;", "a++;", "a ??= 3", "delete a.b", "({ a } = b);"]) {
      assert.ok(script(source).endsWith(`display(${source.replace(";", "")});\n`), source);
    }
    for (const source of ['console.log("x");', "const a = 1;", "void f();", "display(1)"]) {
      assert.doesNotMatch(script(source).replace(/^import.*\n/, ""), /display\((?!1\))/);
    }
  });

  it("makes require available where a cell uses it", () => {
    assert.match(script('const os = require("node:os");'), /createRequire\(import\.meta\.url\)/);
  });
});

describe("export: names declared again", () => {
  it("assigns to one variable, whose type follows what is assigned", () => {
    assert.equal(
      script("const x = 1;", 'const x = "a";', "x.length;"),
      `import { display } from ${JSON.stringify(join(root, "kernel", "script.ts"))};\n\n` +
        'let x;\nx = 1;\n\nx = "a";\n\ndisplay(x.length);\n',
    );
  });

  it("keeps a type that was written", () => {
    assert.equal(script("let n: number = 1;", "let n: number = 2;"), "let n: number;\nn = 1;\n\nn = 2;\n");
  });

  it("keeps the first declaration when a function refers to the name", () => {
    assert.equal(
      script("const n = 1;\nconst f = () => n;", "const n = 2;"),
      "let n = 1;\nconst f = () => n;\n\nn = 2;\n",
    );
  });

  it("turns patterns into assignments, with all the names in them", () => {
    assert.equal(
      script(
        "const { a, b: { c = 1 }, ...rest } = f();\nfunction f() { return { a: 1, b: {}, d: 2 }; }",
        "const a = 3;",
      ),
      "let a;\nlet c;\nlet rest;\n({ a, b: { c = 1 }, ...rest } = f());\nfunction f() { return { a: 1, b: {}, d: 2 }; }\n\na = 3;\n",
    );
    assert.equal(
      script("const [a, , b] = [1, 2, 3];", "const b = 4;"),
      "let a;\nlet b;\n[a, , b] = [1, 2, 3];\n\nb = 4;\n",
    );
  });

  it("splits a statement that declares several names", () => {
    assert.equal(script("const a = 1, b = 2;", "const b = 3;"), "let b;\nconst a = 1;\nb = 2;\n\nb = 3;\n");
  });

  it("assigns functions at the head of their cell and classes in place", () => {
    assert.equal(
      script("f();\nfunction f() {}", "f();\nasync function f() {}"),
      "let f;\nf = function f() {};\nf();\n\nf = async function f() {};\nf();\n",
    );
    assert.equal(script("class A {}", "class A { b = 1 }"), "let A;\nA = class A {};\n\nA = class A { b = 1 };\n");
  });

  it("disposes of what `using` holds at the end of its cell", () => {
    const [, ...cells] = script(
      "using d = open();\nconst a = d.read();\ntype T = string;",
      "using d = open();\na;",
    ).split("\n\n");
    assert.deepEqual(cells, [
      "let a;\ntype T = string;\n{\n  using d = open();\n  a = d.read();\n}",
      "{\n  using d = open();\n  display(a);\n}\n",
    ]);
    assert.match(
      script("using d = open();\nf();\nfunction f() { d; }"),
      /^[\s\S]*let f;\n\{\n {2}f = function f\(\) \{ d; \};\n {2}using d = open\(\);\n {2}f\(\);\n\}\n$/,
    );
  });

  it("declares an abstract class again, and refuses an enum that is something else as well", () => {
    assert.match(
      script("class A {}", "abstract class A { abstract m(): void }"),
      /\nA = \(\(\) => \{\n {2}abstract class A \{ abstract m\(\): void \}\n {2}return A;\n\}\)\(\);\n$/,
    );
    assert.throws(() => script("enum E { A }", "const E = 1;"), /"E" is an enum in one cell and something else/);
    assert.throws(() => script("namespace N { export const a = 1 }", "let N = 1;"), /"N" is a namespace in one cell/);
    assert.doesNotThrow(() =>
      script("function f() {}\nnamespace f { export const a = 1 }", "enum E { A }", "enum E { B }"),
    );
  });

  it("lets a cell fail that is tagged so", () => {
    const text = script(code("const a = fail();", "raises-exception"), "const b = 1;");
    assert.equal(text, "let a;\ntry {\n  a = fail();\n} catch (error) {\n  console.error(error);\n}\n\nconst b = 1;\n");
    assert.match(script(code("fail(`one\ntwo`);", "raises-exception")), /fail\(`one\ntwo`\)\);/);
  });
});

describe("export: round trip", () => {
  let folder: string;
  beforeEach(() => {
    mkdirSync(join(root, "build"), { recursive: true });
    folder = mkdtempSync(join(root, "build", "export-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const cells = readNotebook(join(root, "tests", "fixtures", "notebooks", "counting.ipynb"));

  it("runs, prints what the cells showed and writes charts beside the script", () => {
    const file = join(folder, "counting.ts");
    writeFileSync(file, exportSource(cells, { preloaded: library }));
    const { stdout, stderr, status } = spawnSync(process.execPath, ["--import=tsx", file], {
      encoding: "utf8",
      cwd: root,
    });
    assert.equal(status, 0, stderr);
    assert.deepEqual(stdout.trim().split("\n"), [
      "2",
      "3",
      "total 7",
      "'7'",
      "'<TOTAL 7>'",
      "a chart",
      `Chart: ${join(folder, "counting-chart-1.svg")}`,
    ]);
    assert.match(readFileSync(join(folder, "counting-chart-1.svg"), "utf8"), /^<svg .*<\/svg>$/);
  });

  it("runs cells with magics as the notebook does", () => {
    const file = join(folder, "magic.ts");
    const magic = [
      "%%time\nconst { length } = 'four';\nlength",
      '%%sh\necho "sh $((40 + 2))"; cat; echo ö >&2',
      "%%bash --no-raise-error\n[[ a == a ]] && echo bash\nexit 3",
      "%%check warn\nconst wrong: number = 'text';\nwrong",
      `%%html\n<b>\`${dollar}{page}\`</b>`,
    ];
    writeFileSync(
      file,
      exportSource(
        magic.map((cell) => code(cell)),
        { preloaded: library },
      ),
    );
    const { stdout, stderr, status } = spawnSync(process.execPath, ["--import=tsx", file], {
      encoding: "utf8",
      cwd: root,
    });
    assert.equal(status, 0, stderr);
    assert.equal(stderr, "ö\n");
    const page = join(folder, "magic-page-1.html");
    assert.match(stdout, /^4\nWall time: .*s\n/);
    assert.equal(stdout.replace(/Wall time.*\n/, ""), `4\nsh 42\nbash\n'text'\nPage: ${page}\n`);
    assert.equal(readFileSync(page, "utf8"), `<b>\`${dollar}{page}\`</b>`);
  });

  it("prints what the notebook shows, whatever that is", async () => {
    const sources = [
      'const word = "text";\nword',
      "[1, { a: null }, new Map([[1, 2]])]",
      "null",
      "undefined",
      'console.log("a %d", 1); console.log({ b: 2 });',
      'display({ "text/plain": "plain", "text/html": "<b>bold</b>" }); display(7n);',
      'display({ "text/markdown": "# head" }, { raw: true });',
      'import { table } from "arquero";\ntable({ city: ["Bern", "Basel"], people: [134000, 171000] })',
      'import * as tslab from "tslab";\ntslab.display.text("by tslab");',
      "const rank = new IntSlider({ description: 'rank', value: 80, max: 64 });\nrank.value",
      "const rate = new Dropdown({ description: 'rate', options: { low: 1e-4, high: 1e-3 } });\nrate.value = 1e-3;",
      "rank.value = 16;\nnew HBox([rank, rate, new Button({ description: 'Stop' })])",
      "const groups = Object.groupBy([1, 2, 3], (n) => (n % 2 ? 'odd' : 'even'));\ngroups.odd",
      "%%time\nlet word = 2;",
      "function twice(n: number) { return 2 * n; }\ntwice(word)",
      "const twice = (n: number) => 2.5 * n;\ntwice(word)",
      "try { throw new RangeError('no'); } catch (error) { console.log(String(error)); }",
    ];
    const shown: string[] = [];
    const kernel = await TestKernel.start();
    try {
      const client = await kernel.connect();
      for (const source of sources) {
        for (const { header, content } of (await client.ok(source)).messages) {
          const data = content.data as MimeBundle;
          if (header.msg_type === "stream") shown.push(String(content.text));
          if (/^(?:execute_result|display_data)$/.test(header.msg_type))
            shown.push(`${String(data["text/plain"] ?? data["text/markdown"])}\n`);
        }
      }
    } finally {
      await kernel.stop();
    }
    const file = join(folder, "all.ts");
    writeFileSync(file, exportSource(sources.map((source) => code(source))));
    const { stdout, stderr } = spawnSync(process.execPath, ["--import=tsx", file], { encoding: "utf8", cwd: root });
    assert.equal(stderr, "");
    const time = /^(?:Wall|CPU) time.*\n/gm;
    assert.equal(stdout.replaceAll(time, ""), shown.join("").replaceAll(time, ""));
  });

  it("asks on the terminal", () => {
    const file = join(folder, "asks.ts");
    const source =
      'const told = [prompt("name?", "Ada"), prompt("city?", "Bern"), confirm("go?"), password(), prompt("end?")];';
    writeFileSync(file, exportSource([code(source), code("told.join()")]));
    const input = "Grace\n\ny\nsecret";
    const { stdout } = spawnSync(process.execPath, ["--import=tsx", file], { encoding: "utf8", cwd: root, input });
    assert.equal(stdout, "name? city? go? [y/N] Password: end? 'Grace,Bern,true,secret,'\n");
  });

  it("writes a picture of each kind, and the same file when one is shown again", () => {
    const file = join(folder, "pictures.ts");
    const svg = '({ "image/svg+xml": "<svg/>" })';
    const cell = [
      'display({ "image/png": "iVBORw0KGgo=" });',
      `display(${svg}, { displayId: "live" });`,
      `display({ "image/svg+xml": "<svg id='2'/>" }, { displayId: "live", update: true });`,
      `display(${svg});`,
    ];
    writeFileSync(file, exportSource([code(cell.join("\n"))]));
    const { stdout } = spawnSync(process.execPath, ["--import=tsx", file], { encoding: "utf8", cwd: root });
    const chart = (name: string): string => join(folder, `pictures-chart-${name}`);
    assert.equal(stdout, ["1.png", "2.svg", "3.svg"].map((name) => `Chart: ${chart(name)}\n`).join(""));
    assert.deepEqual([...readFileSync(chart("1.png"))].slice(1, 4), [0x50, 0x4e, 0x47]);
    assert.equal(readFileSync(chart("2.svg"), "utf8"), "<svg id='2'/>");
  });

  it("ends where a shell cell fails", () => {
    const file = join(folder, "fails.ts");
    writeFileSync(file, exportSource([code("%%sh\nexit 3"), code("console.log('never')")], { preloaded: library }));
    const { stdout, status } = spawnSync(process.execPath, ["--import=tsx", file], { encoding: "utf8", cwd: root });
    assert.notEqual(status, 0);
    assert.equal(stdout, "");
  });

  it("type-checks under the strict settings of the project", () => {
    const file = join(folder, "counting.ts");
    writeFileSync(file, exportSource(cells, { preloaded: library }));
    const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile) as { config: object };
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
    const program = ts.createProgram([file], {
      ...options,
      allowImportingTsExtensions: true,
      noEmit: true,
      // So Node 22.18 and later runs it without tsx.
      erasableSyntaxOnly: true,
    });
    const messages = ts
      .getPreEmitDiagnostics(program, program.getSourceFile(file))
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
    assert.deepEqual(messages, []);
  });

  it("finds files that cells import from where the notebook lies", async () => {
    mkdirSync(join(folder, "notebooks"));
    writeFileSync(join(folder, "notebooks", "helper.ts"), "export const seven = 7;\n");
    const source = ['import { seven } from "./helper.ts";\n', "console.log(seven);"];
    const notebook = { cells: [{ cell_type: "code", source, metadata: {} }], metadata: {}, nbformat: 4 };
    writeFileSync(join(folder, "notebooks", "a.ipynb"), JSON.stringify(notebook));
    const written = await exportNotebook(join(folder, "notebooks", "a.ipynb"), join(folder, "outputs", "a.ts"));
    assert.match(readFileSync(written, "utf8"), /from "\.\.\/notebooks\/helper\.ts"/);
    const { stdout } = spawnSync(process.execPath, ["--import=tsx", written], { encoding: "utf8", cwd: root });
    assert.equal(stdout, "7\n");
  });

  it("is named and headed so that it runs where it lies", async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), "export-"));
    try {
      const cells = [{ cell_type: "code", source: ["await aq.table({ a: [1] })"], metadata: {} }];
      const notebook = join(elsewhere, "a.ipynb");
      writeFileSync(notebook, JSON.stringify({ cells, metadata: {}, nbformat: 4 }));
      const written = await exportNotebook(notebook);
      assert.equal(written, join(elsewhere, "a.mts"));
      const [line] = readFileSync(written, "utf8").split("\n");
      assert.equal(line, `// Runs with \`npx tsx\`, in a folder where \`npm install ${join(root, ".")}\` was run.`);
      const asked = await exportNotebook(notebook, join(elsewhere, "a.ts"));
      assert.match(readFileSync(asked, "utf8"), /^\/\/ Runs with `npx tsx`, named \.mts, in a folder/);
      writeFileSync(join(elsewhere, "package.json"), '{ "type": "module" }');
      assert.equal(await exportNotebook(notebook), join(elsewhere, "a.ts"));
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  });

  it("keeps a cell with a fault as a comment that says so", () => {
    assert.equal(
      script("const = 3;", "console.log(1);"),
      "// Not run, for it is no TypeScript:\n// const = 3;\n\nconsole.log(1);\n",
    );
  });

  it("refuses what is no notebook", async () => {
    writeFileSync(join(folder, "a.ipynb"), "{");
    await assert.rejects(exportNotebook(join(folder, "a.ipynb")), /is no notebook that can be read/);
    const python = { cells: [], metadata: { kernelspec: { name: "python3", language: "python" } } };
    writeFileSync(join(folder, "a.ipynb"), JSON.stringify(python));
    await assert.rejects(exportNotebook(join(folder, "a.ipynb")), /is written in python, not in TypeScript/);
  });
});
