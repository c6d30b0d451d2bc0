/** The kernelspec inside a Python environment, so that its JupyterLab and nbclient find the kernel. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cli, root } from "../paths.mjs";
import { quietly } from "../shell.mjs";
import { digest } from "../stage.mjs";

/**
 * @param {{ name: string, folder: string, where: string }} options `folder` is that of a Python environment
 * @returns {import("../stage.mjs").Stage}
 */
export function kernelspecStage({ name, folder, where }) {
  return {
    name,
    what: `Kernelspec in ${where}`,
    fingerprint: () =>
      digest({ words: [root, process.execPath], paths: ["kernel/spec.ts", "kernel/spec", "kernel/logos"] }),
    present: () => existsSync(join(folder, "share", "jupyter", "kernels", "tunelab", "kernel.json")),
    async run() {
      await quietly("Installing the kernelspec", process.execPath, [cli, "install", "--prefix", folder], { log: name });
      return undefined;
    },
  };
}
