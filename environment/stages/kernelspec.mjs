/** The kernelspec inside .venv, so that its JupyterLab and nbclient find the kernel. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cli, root, venv } from "../paths.mjs";
import { quietly } from "../shell.mjs";
import { digest } from "../stage.mjs";

/** @type {import("../stage.mjs").Stage} */
export const kernelspec = {
  name: "kernelspec",
  what: "Kernelspec in .venv",
  fingerprint: () =>
    digest({ words: [root, process.execPath], paths: ["kernel/spec.ts", "kernel/spec", "kernel/logos"] }),
  present: () => existsSync(join(venv, "share", "jupyter", "kernels", "tunelab", "kernel.json")),
  async run() {
    await quietly("Installing the kernelspec", process.execPath, [cli, "install", "--prefix", venv], {
      log: "kernelspec",
    });
    return undefined;
  },
};
