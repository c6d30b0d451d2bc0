import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { type NotebookCell, readNotebook } from "../../kernel/export/notebook.js";
import { exportNotebook, exportSource } from "../../kernel/export.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const library = new Map([
  ["display", { module: join(root, "kernel", "script.ts"), imported: "display", typeOnly: false }],
  ["Dataset", { module: "tunelab", imported: "Dataset", typeOnly: false }],
  ["Options", { module: "tunelab", imported: "Options", typeOnly: true }],
  ["aq", { module: "arquero", imported: "*", typeOnly: false }],
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
    for (const [cell, name] of [
      ["const stop = new Button({ description: 'Stop' });", "Button"],
      ["const token = password('token');", "password"],
      ["comms.register('mine', () => {});", "comms"],
    ] as const) {
      assert.throws(() => script(cell), new RegExp(`"${name}", which works in a notebook only`));
    }
    assert.match(script("class Button {}", "new Button();"), /new Button\(\)/);
  });

  it("keeps markdown as comments and cells in order", () => {
    assert.equal(script(markdown("# Title\n\ntext"), "const a = 1;"), "// # Title\n//\n// text\n\nconst a = 1;\n");
  });

  it("imports the preloaded names that are used, and no other", () => {
    assert.equal(
      script("const d: Options = {};\nconst e = new Dataset(d);\nconst o = { aq: 1 };"),
      'import { Dataset, type Options } from "tunelab";\n\n' +
        "const d: Options = {};\nconst e = new Dataset(d);\nconst o = { aq: 1 };\n",
    );
  });

  it("imports a namespace for tf and aq", () => {
    assert.match(script("const t = aq.table({});"), /^import \* as aq from "arquero";/);
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
    assert.equal(script("this is no code"), "// this is no code\n");
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

  it("does not show assignments, logging and declarations", () => {
    for (const source of [
      "let a = 1;\na = 2;",
      "let a = 1;\na++;",
      'console.log("x");',
      "const a = 1;",
      "display(1)",
    ]) {
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

  it("lets a cell fail that is tagged so", () => {
    const text = script(code("const a = fail();", "raises-exception"), "const b = 1;");
    assert.equal(text, "let a;\ntry {\n  a = fail();\n} catch (error) {\n  console.error(error);\n}\n\nconst b = 1;\n");
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
      "7",
      "<TOTAL 7>",
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
    assert.equal(stdout.replace(/Wall time.*\n/, ""), `4\nsh 42\nbash\ntext\nPage: ${page}\n`);
    assert.equal(readFileSync(page, "utf8"), `<b>\`${dollar}{page}\`</b>`);
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
    const program = ts.createProgram([file], { ...options, allowImportingTsExtensions: true, noEmit: true });
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

  it("refuses what is no notebook", async () => {
    writeFileSync(join(folder, "a.ipynb"), "{");
    await assert.rejects(exportNotebook(join(folder, "a.ipynb")), /is no notebook that can be read/);
  });
});
