/**
 * The Python package that other people's programs take notice of: by it JupyterLab saves a notebook as the script of
 * `tunelab export`, and papermill sets the parameters of one.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { inRoot, programOf } from "../paths.mjs";
import { quietly } from "../shell.mjs";
import { digest } from "../stage.mjs";

/**
 * @param {{ name: string, folder: string, where: string }} options `folder` is that of a Python environment
 * @returns {import("../stage.mjs").Stage}
 */
export function companionStage({ name, folder, where }) {
  return {
    name,
    what: `Companion of nbconvert and papermill in ${where}`,
    fingerprint: () => digest({ paths: ["environment/companion"], only: /\.(?:py|toml)$/ }),
    present: () => sitePackages(folder).some((packages) => existsSync(join(packages, "tunelab_script.py"))),
    async run() {
      // As it was called before it served papermill too: both would export notebooks.
      const before = ["-m", "pip", "uninstall", "--disable-pip-version-check", "--yes", "tunelab-exporter"];
      await quietly("Removing the companion's predecessor", programOf(folder, "python"), before, { log: name });
      const words = ["-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "--no-index"];
      const args = [...words, "--no-build-isolation", "--force-reinstall", inRoot("environment/companion")];
      await quietly("Installing the companion", programOf(folder, "python"), args, { log: name });
      return undefined;
    },
  };
}

/**
 * Where an environment may have its packages: Windows puts them beside the versions that other systems name.
 * @param {string} folder
 */
function sitePackages(folder) {
  const lib = join(folder, "lib");
  if (!existsSync(lib)) return [];
  return [lib, ...readdirSync(lib).map((name) => join(lib, name))].map((one) => join(one, "site-packages"));
}
