/** jupyter_kernel_test and its iopub_welcome test: every test there is, none skipped, wherever a notebook lies. */
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { jupyterData, runPython } from "./jupyter.js";

describe("jupyter_kernel_test", () => {
  let data: string;
  before(() => {
    data = jupyterData();
  });
  after(() => rmSync(data, { recursive: true }));

  async function passes(cwd: string): Promise<void> {
    const { stderr } = await runPython("conformance.py", { data, cwd, args: ["-v"] });
    assert.match(stderr, /Ran 13 tests/);
    assert.match(stderr, /\nOK\n$/);
    assert.doesNotMatch(stderr, /skipped/);
  }

  it("passes in an empty directory", async function () {
    this.timeout(300_000);
    const empty = join(data, "empty");
    mkdirSync(empty);
    await passes(empty);
  });

  it("passes in a project with packages of its own, from which cells import", async function () {
    this.timeout(300_000);
    const project = join(data, "project");
    const write = (folder: string, files: Record<string, string>) => {
      mkdirSync(join(project, folder), { recursive: true });
      for (const [name, text] of Object.entries(files)) writeFileSync(join(project, folder, name), text);
    };
    write(".", { "package.json": '{ "name": "project", "type": "module", "dependencies": { "greetings": "1.0.0" } }' });
    write("node_modules/greetings", {
      "package.json": '{ "name": "greetings", "version": "1.0.0", "main": "i.js", "types": "i.d.ts" }',
      "i.js": "exports.hello = (name) => 'hello, ' + name;",
      "i.d.ts": "export function hello(name: string): string;",
    });
    // Types of the project's own, of another version of Node than the kernel's.
    write("node_modules/@types/node", {
      "package.json": '{ "name": "@types/node", "version": "1.0.0", "types": "index.d.ts" }',
      "index.d.ts": "declare var console: { log(...data: any[]): void; error(...data: any[]): void };",
    });
    process.env.PROJECT_PACKAGE = "greetings";
    try {
      await passes(project);
    } finally {
      delete process.env.PROJECT_PACKAGE;
    }
  });
});
