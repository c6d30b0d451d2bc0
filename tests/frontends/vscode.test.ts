/**
 * VS Code's Jupyter extension asks no Jupyter: it reads kernel.json files from folders that it knows, and starts what
 * they say by itself (vscode-jupyter, src/kernels/raw/finder/jupyterPaths.node.ts and ../launcher).
 */
import assert from "node:assert/strict";
import { accessSync, constants, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { kernelsFolder } from "../../kernel/spec/folders.js";
import { installKernelSpec, type KernelSpec } from "../../kernel/spec.js";
import { TestKernel } from "../kernel/client.js";

describe("VS Code", () => {
  let prefix: string;
  before(() => {
    prefix = mkdtempSync(join(tmpdir(), "vscode-"));
  });
  after(() => rmSync(prefix, { recursive: true }));

  it("looks where the kernelspec is put for a user", () => {
    const home = "/home/ada";
    const folder = (platform: NodeJS.Platform) => kernelsFolder({ user: true }, { platform, env: {}, home });
    assert.equal(folder("linux"), join(home, ".local", "share", "jupyter", "kernels"));
    assert.equal(folder("darwin"), join(home, "Library", "Jupyter", "kernels"));
    assert.equal(folder("win32"), join(home, "AppData", "Roaming", "jupyter", "kernels"));
  });

  it("finds in an environment all that it needs to start the kernel, and the kernel answers", async () => {
    installKernelSpec({ prefix });
    // An environment's own kernels are below its sys.prefix, in any folder that has a kernel.json.
    const below = join(prefix, "share", "jupyter", "kernels");
    const found = readdirSync(below, { recursive: true, encoding: "utf8" }).filter((path) =>
      /kernel\.json$/.test(path),
    );
    assert.equal(found.length, 1);
    const file = join(below, found[0] as string);
    const spec = JSON.parse(readFileSync(file, "utf8")) as KernelSpec;
    assert.equal(dirname(file), join(below, "tunelab"));
    // The language decides how cells are coloured and which editor features they have.
    assert.equal(spec.language, "typescript");
    assert.match(spec.display_name, /\S/);
    assert.equal(spec.interrupt_mode, "message");
    const [node = "", main = "", ...rest] = spec.argv;
    // It is not started from a shell that would find programs.
    assert.ok(isAbsolute(node) && isAbsolute(main));
    accessSync(node, constants.X_OK);
    assert.ok(statSync(main).isFile());
    assert.deepEqual(rest, ["{connection_file}"]);
    for (const logo of ["logo-32x32.png", "logo-64x64.png", "logo-svg.svg"]) {
      assert.ok(existsSync(join(dirname(file), logo)));
    }
    const kernel = await TestKernel.start({ argv: spec.argv, env: { PATH: "", VIRTUAL_ENV: undefined } });
    try {
      const client = await kernel.connect();
      assert.equal(await client.evaluate("6 * 7"), "42");
    } finally {
      await kernel.stop();
    }
  });
});
