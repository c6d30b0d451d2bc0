/** The doctor on machines that lack things: a copy of the built package, and a PATH with what the machine has. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

describe("the doctor", function () {
  this.timeout(60_000);
  let folder: string;
  let bin: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "doctor-"));
    bin = join(folder, "bin");
    mkdirSync(bin);
    copyFileSync(join(root, "package.json"), join(folder, "package.json"));
    for (const part of ["dist", join("kernel", "logos")])
      cpSync(join(root, part), join(folder, part), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  });
  after(() => rmSync(folder, { recursive: true }));

  const tunelab = (...args: string[]) =>
    spawnSync(process.execPath, [join(folder, "dist", "kernel", "cli.js"), ...args], {
      encoding: "utf8",
      env: { PATH: bin, HOME: join(folder, "home"), TUNELAB_NATIVE: "" },
    });
  const program = (name: string, output: string): void => {
    writeFileSync(join(bin, name), `#!/bin/sh\necho '${output}'\n`);
    chmodSync(join(bin, name), 0o755);
  };
  /** The finding of that name and its hint. */
  const finding = (report: string, name: string): string =>
    new RegExp(`^\\S+ +${name} .*\n(?: {20}.*\n)?`, "m").exec(report)?.[0] ?? "";

  it("names what a bare machine lacks, and the way to get it", () => {
    const { stdout, status, stderr } = tunelab("doctor");
    assert.equal(status, 0, stderr);
    assert.match(finding(stdout, "Kernel"), /^- .*built, no kernelspec found\n.*`tunelab install`/);
    assert.match(
      finding(stdout, "Jupyter"),
      /^- .*no Python on PATH\n.*apt install python3 python3-venv.*npm run setup/,
    );
    assert.match(
      finding(stdout, "Compiler"),
      /^- .*no g\+\+, no cmake\n.*apt install g\+\+ cmake.*npm run build:native/,
    );
    assert.match(finding(stdout, "GPU"), /^- .*no NVIDIA driver answers\n.*small model/);
    assert.match(finding(stdout, "Backend"), /^- .*wasm.*does not exist\. Build it with "npm run build:native"/);
    assert.match(finding(stdout, "Profile"), /^ok .*embedded/);
  });

  it("names what is there, and the next step", () => {
    program("python3", "Python 3.12.1");
    program("nvidia-smi", "NVIDIA H100, 81559 MiB, 570.1");
    const { stdout } = tunelab("doctor");
    assert.match(finding(stdout, "Jupyter"), /Python 3\.12\.1\n.*`npm run setup` makes it/);
    assert.match(finding(stdout, "GPU"), /^ok .*NVIDIA H100, 81559 MiB/);
    assert.match(finding(stdout, "Backend"), /^- .*\n.*`npm run build:cuda`, which needs nvcc/);
  });

  it("finds a kernelspec that starts what is gone", () => {
    assert.equal(tunelab("install").status, 0);
    assert.match(finding(tunelab("doctor").stdout, "Kernel"), /^ok .*kernelspec in .*home\S*tunelab\n$/);
    const file = join(folder, "home", ".local", "share", "jupyter", "kernels", "tunelab", "kernel.json");
    writeFileSync(file, JSON.stringify({ argv: ["/gone/node", join(folder, "dist/kernel/main.cjs")], metadata: {} }));
    const { stdout, status } = tunelab("doctor");
    assert.equal(status, 1);
    assert.match(
      finding(stdout, "Kernel"),
      /^MISSING .*starts \/gone\/node, which does not exist\n.*`tunelab install` again/,
    );
  });
});
