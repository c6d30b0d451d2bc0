import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { cli, frontEndsVenv } from "../../environment/paths.mjs";
import { Desk } from "./jupyter.js";

interface Listed {
  kernelspecs: Record<string, { resource_dir: string; spec: { display_name: string; language: string } }>;
}

describe("tunelab install, as Jupyter sees it", function () {
  this.timeout(60_000);
  let desk: Desk;
  before(() => {
    desk = new Desk();
  });
  after(() => desk.clear());

  const places = [
    { where: "--user", words: () => ["--user"] },
    { where: "--sys-prefix", words: () => ["--sys-prefix"] },
    { where: "--prefix", words: () => ["--prefix", join(desk.folder, "prefix")] },
  ];
  for (const { where, words } of places) {
    it(`puts the kernel in place by ${where} without any Python, and takes all of it away`, async () => {
      // Nothing is on PATH, and the environment is active by its variable alone.
      const tunelab = (command: string, ...more: string[]) =>
        spawnSync(process.execPath, [cli, command, ...words(), "--name", "tried", ...more], {
          encoding: "utf8",
          env: { PATH: join(desk.folder, "nothing"), HOME: desk.folder, VIRTUAL_ENV: frontEndsVenv },
        });
      const jupyterPath = join(desk.folder, "prefix", "share", "jupyter");
      const list = async () => {
        const { stdout } = await desk.run("jupyter-kernelspec", ["list", "--json"], { JUPYTER_PATH: jupyterPath });
        return (JSON.parse(stdout) as Listed).kernelspecs;
      };
      mkdirSync(join(desk.folder, "prefix"), { recursive: true });
      const roots = [desk.folder, join(frontEndsVenv, "share")];
      const all = () =>
        roots
          .flatMap((root) => readdirSync(root, { recursive: true, encoding: "utf8" }))
          // Those that Jupyter makes for itself when it is asked.
          .filter((path) => !/^\.(?:jupyter|ipython)/.test(path));
      await list();
      const before = all();
      const { status, stderr } = tunelab("install", "--display-name", "Tried");
      assert.equal(status, 0, stderr);
      const found = (await list()).tried;
      assert.equal(found?.spec.display_name, "Tried");
      for (const logo of ["logo-32x32.png", "logo-64x64.png", "logo-svg.svg"]) {
        assert.ok(existsSync(join(found.resource_dir, logo)), logo);
      }
      assert.equal(tunelab("uninstall").status, 0);
      assert.deepEqual(all(), before);
    });
  }
});
