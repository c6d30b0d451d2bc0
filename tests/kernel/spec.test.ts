import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";
import { kernelsFolder, type Place, searchedFolders } from "../../kernel/spec/folders.js";
import { stableNodePath } from "../../kernel/spec/nodePath.js";
import { installKernelSpec, kernelSpec, uninstallKernelSpec } from "../../kernel/spec.js";

const place = (platform: NodeJS.Platform, env: NodeJS.ProcessEnv = {}): Place => ({ platform, env, home: "/home/ada" });

describe("kernelspec folders", () => {
  it("follow Jupyter's rules for the user of each system", () => {
    assert.equal(kernelsFolder({}, place("linux")), "/home/ada/.local/share/jupyter/kernels");
    assert.equal(kernelsFolder({ user: true }, place("linux", { XDG_DATA_HOME: "/data" })), "/data/jupyter/kernels");
    assert.equal(kernelsFolder({}, place("darwin")), "/home/ada/Library/Jupyter/kernels");
    assert.equal(kernelsFolder({}, place("win32", { APPDATA: "/roaming" })), "/roaming/jupyter/kernels");
    assert.equal(kernelsFolder({}, place("linux", { JUPYTER_DATA_DIR: "/mine" })), "/mine/kernels");
  });

  it("follow an environment or a prefix", () => {
    const folder = tmpdir();
    const kernels = join(folder, "share", "jupyter", "kernels");
    assert.equal(kernelsFolder({ sysPrefix: true }, place("linux", { VIRTUAL_ENV: folder })), kernels);
    assert.equal(kernelsFolder({ sysPrefix: true }, place("linux", { CONDA_PREFIX: folder })), kernels);
    assert.equal(kernelsFolder({ prefix: "/usr/local" }, place("linux")), "/usr/local/share/jupyter/kernels");
  });

  it("refuse two places, and an environment that is not active or not there", () => {
    assert.throws(() => kernelsFolder({ user: true, prefix: "/p" }, place("linux")), /Use one of --user/);
    assert.throws(() => kernelsFolder({ sysPrefix: true }, place("linux")), /No Python environment is active/);
    const env = { VIRTUAL_ENV: "/gone" };
    assert.throws(() => kernelsFolder({ sysPrefix: true }, place("linux", env)), /\/gone, which is said to be active/);
  });

  it("are looked through as Jupyter does", () => {
    const env = { JUPYTER_PATH: ["/more", "/other"].join(delimiter), CONDA_PREFIX: "/c" };
    assert.deepEqual(searchedFolders(place("linux", env)), [
      "/more/kernels",
      "/other/kernels",
      "/home/ada/.local/share/jupyter/kernels",
      "/c/share/jupyter/kernels",
      "/usr/local/share/jupyter/kernels",
      "/usr/share/jupyter/kernels",
    ]);
  });
});

describe("the path of Node in kernel.json", () => {
  let folder: string;
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "node-path-")));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("is the running file when PATH has no link to it", () => {
    assert.equal(stableNodePath("/opt/node-20.1/bin/node", "/nowhere:/usr/none"), "/opt/node-20.1/bin/node");
  });

  it("is never a folder that npm or a shell makes for a while", () => {
    mkdirSync(join(folder, "node_modules", ".bin"), { recursive: true });
    symlinkSync(process.execPath, join(folder, "node_modules", ".bin", "node"));
    assert.equal(stableNodePath(process.execPath, join(folder, "node_modules", ".bin")), process.execPath);
  });
});

describe("installing the kernelspec", () => {
  let prefix: string;
  beforeEach(() => {
    prefix = mkdtempSync(join(tmpdir(), "prefix-"));
  });
  afterEach(() => rmSync(prefix, { recursive: true, force: true }));

  it("describes the kernel with absolute paths and interrupts by message", () => {
    const spec = kernelSpec();
    const [node = "", main = "", connection] = spec.argv;
    assert.ok(isAbsolute(node) && isAbsolute(main));
    assert.equal(realpathSync(node), realpathSync(process.execPath));
    assert.equal(connection, "{connection_file}");
    const { argv: _, ...rest } = spec;
    assert.deepEqual(rest, {
      display_name: "TypeScript (tunelab)",
      language: "typescript",
      interrupt_mode: "message",
      metadata: { debugger: true, supported_encryption: ["curve"] },
      kernel_protocol_version: "5.6",
    });
  });

  it("writes kernel.json and the logos, replaces an older one, and takes them away again", () => {
    const folder = installKernelSpec({ prefix });
    assert.equal(folder, join(prefix, "share", "jupyter", "kernels", "tunelab"));
    assert.deepEqual(readdirSync(folder).sort(), ["kernel.json", "logo-32x32.png", "logo-64x64.png", "logo-svg.svg"]);
    installKernelSpec({ prefix, displayName: "TS" });
    assert.equal(JSON.parse(readFileSync(join(folder, "kernel.json"), "utf8")).display_name, "TS");
    assert.deepEqual(readdirSync(join(folder, "..")), ["tunelab"]);
    uninstallKernelSpec({ prefix });
    assert.deepEqual(readdirSync(prefix), []);
  });

  it("takes away the folders that were made for it, and no other", () => {
    const below = join(prefix, "a", "b");
    installKernelSpec({ prefix: below });
    installKernelSpec({ prefix: below, name: "second" });
    uninstallKernelSpec({ prefix: below });
    installKernelSpec({ prefix: below, name: "second", displayName: "again" });
    uninstallKernelSpec({ prefix: below, name: "second" });
    assert.deepEqual(readdirSync(prefix), []);
    mkdirSync(join(prefix, "share"));
    const folder = installKernelSpec({ prefix });
    uninstallKernelSpec({ prefix });
    assert.deepEqual(readdirSync(prefix, { recursive: true }), ["share"]);
    installKernelSpec({ prefix });
    writeFileSync(join(folder, "..", "..", "mine.json"), "{}");
    uninstallKernelSpec({ prefix });
    assert.deepEqual(readdirSync(join(prefix, "share", "jupyter")), ["mine.json"]);
  });

  it("takes another name, in small letters as Jupyter reads it, and refuses one that it would not find", () => {
    assert.match(installKernelSpec({ prefix, name: "Tunelab-Dev" }), /tunelab-dev$/);
    assert.match(uninstallKernelSpec({ prefix, name: "TUNELAB-DEV" }), /tunelab-dev$/);
    for (const name of ["a b", "", "..", "ü", "a/b"]) {
      assert.throws(() => installKernelSpec({ prefix, name }), new RegExp(`"${name}" is no name for a kernelspec`));
    }
    assert.throws(() => installKernelSpec({ prefix, displayName: " " }), /The display name is empty/);
  });

  it("leaves another kernel's folder alone", () => {
    const folder = join(prefix, "share", "jupyter", "kernels", "tunelab");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "kernel.json"), JSON.stringify({ argv: ["python", "-m", "other"] }));
    assert.throws(() => installKernelSpec({ prefix }), /belongs to another kernel/);
    assert.throws(() => uninstallKernelSpec({ prefix }), /belongs to another kernel/);
  });

  it("says where it looked when nothing is installed, and where there is something", () => {
    assert.throws(() => uninstallKernelSpec({ prefix }), /No kernelspec is installed at .*tunelab/);
    const path = process.env.JUPYTER_PATH;
    process.env.JUPYTER_PATH = join(prefix, "share", "jupyter");
    try {
      const folder = installKernelSpec({ prefix, name: "mine" });
      assert.throws(() => uninstallKernelSpec({ prefix }), new RegExp(`Name one of these .*${folder}`));
    } finally {
      if (path === undefined) delete process.env.JUPYTER_PATH;
      else process.env.JUPYTER_PATH = path;
    }
  });

  it("says why a folder cannot be written, and how to install elsewhere", () => {
    writeFileSync(join(prefix, "share"), "a file in the way");
    assert.throws(
      () => installKernelSpec({ prefix }),
      /tunelab cannot be written: a part of its path is a file.*Use --user, or a --prefix that belongs to you/,
    );
    // Nobody may write there, not even root.
    assert.throws(
      () => installKernelSpec({ prefix: process.platform === "darwin" ? "/System" : "/sys" }),
      /cannot be written: (?:this user may not|the file system is read-only)/,
    );
  });
});
