import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

function tunelab(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const command = ["--import=tsx", join(root, "kernel", "cli.ts"), ...args];
  return spawnSync(process.execPath, command, { encoding: "utf8", cwd: root });
}

describe("the command line", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "cli-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("lists its commands, and each has a help of its own", () => {
    const { stdout, status } = tunelab("--help");
    assert.equal(status, 0);
    for (const name of ["install", "uninstall", "doctor", "run", "export", "lab"]) {
      assert.match(stdout, new RegExp(`^ {2}${name} `, "m"));
    }
    assert.match(tunelab("install", "--help").stdout, /--sys-prefix .*\n.*--prefix <folder>/);
  });

  it("suggests the nearest command and refuses unknown options", () => {
    const { stderr, status } = tunelab("exprot");
    assert.equal(status, 1);
    assert.match(stderr, /unknown command 'exprot'\n\(Did you mean export\?\)/);
    assert.match(tunelab("install", "--sysprefix").stderr, /Did you mean --sys-prefix\?/);
  });

  it("installs and removes the kernelspec", () => {
    const spec = join(folder, "share", "jupyter", "kernels", "mine", "kernel.json");
    const { stdout } = tunelab("install", "--prefix", folder, "--name", "mine", "--display-name", "Mine");
    assert.match(stdout, /Installed the kernelspec in .*mine/);
    assert.equal(JSON.parse(readFileSync(spec, "utf8")).display_name, "Mine");
    assert.equal(tunelab("uninstall", "--prefix", folder, "--name", "mine").status, 0);
    assert.ok(!existsSync(spec));
  });

  it("tells an error in a sentence, without a stack", () => {
    const { stderr, status } = tunelab("uninstall", "--prefix", folder);
    assert.equal(status, 1);
    assert.match(stderr, /^No kernelspec is installed at [^\n]+\n$/);
  });

  it("exports a notebook", () => {
    const output = join(folder, "counting.mts");
    const { stdout } = tunelab("export", "tests/fixtures/notebooks/counting.ipynb", "-o", output);
    assert.equal(stdout, `Wrote ${output}\n`);
    assert.match(
      readFileSync(output, "utf8"),
      /^\/\/ Runs with `npx tsx`, in a folder .*\n\nimport \{ display \} from "tunelab\/script";\n\n.*\nprocess\.chdir\(.*\);\n\n\/\/ # Counting\n/,
    );
  });

  it("says of every part of the machine whether it is there", () => {
    const { stdout } = tunelab("doctor");
    for (const name of ["Node", "Kernel", "Jupyter", "Compiler", "GPU", "Backend", "Profile"]) {
      assert.match(stdout, new RegExp(`^(ok|-|MISSING) +${name} `, "m"));
    }
  });
});
