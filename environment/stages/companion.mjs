/** The companion of nbconvert inside .venv, by which JupyterLab saves a notebook as the script of `tunelab export`. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { inRoot, programOf, venv } from "../paths.mjs";
import { quietly } from "../shell.mjs";
import { digest } from "../stage.mjs";

/** @type {import("../stage.mjs").Stage} */
export const exporter = {
  name: "exporter",
  what: "Script exporter for JupyterLab in .venv",
  fingerprint: () => digest({ paths: ["environment/exporter"], only: /\.(?:py|toml)$/ }),
  present: () => sitePackages().some((folder) => existsSync(join(folder, "tunelab_exporter.py"))),
  async run() {
    const words = ["-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "--no-index"];
    const args = [...words, "--no-build-isolation", "--force-reinstall", inRoot("environment/exporter")];
    await quietly("Installing the script exporter", programOf(venv, "python"), args, { log: "exporter" });
    return undefined;
  },
};

/** Where .venv may have its packages: Windows puts them beside the versions that other systems name. */
function sitePackages() {
  const lib = join(venv, "lib");
  if (!existsSync(lib)) return [];
  return [lib, ...readdirSync(lib).map((name) => join(lib, name))].map((folder) => join(folder, "site-packages"));
}
