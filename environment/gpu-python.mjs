/** Python packages for a machine that has a GPU and no network: wheels, unpacked into one folder without what is not needed. */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { programOf, venv } from "./paths.mjs";
import { quietly } from "./shell.mjs";

const platforms = ["2_28", "2_27", "2_24", "2_17"].map((glibc) => `manylinux_${glibc}_x86_64`);
const platform = [...platforms, "manylinux2014_x86_64", "manylinux1_x86_64"].flatMap((name) => ["--platform", name]);

/** bitsandbytes has a library for each CUDA, of which the machine has 13.0, and one for the processor. The rest is neither imported nor small. */
const unneeded = [/^libbitsandbytes_(?!cuda130|cpu)/, /^studio$/, /^unsloth_cli$/];

/**
 * @param {string[]} requirements words for pip: packages with their versions, or -r and a file
 * @param {string} folder where the packages go
 */
export async function unpackWheels(requirements, folder) {
  const python = programOf(venv, "python");
  const wheels = `${folder}-wheels`;
  rmSync(wheels, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const download = ["-m", "pip", "download", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"];
  const target = ["--python-version", "3.12", "--implementation", "cp", ...platform, "-d", wheels];
  await quietly("Downloading the Python packages", python, [...download, ...target, ...requirements], {
    log: "gpu-wheels",
  });
  for (const wheel of readdirSync(wheels)) {
    const extract = ["-m", "zipfile", "-e", join(wheels, wheel), folder];
    await quietly("Unpacking the Python packages", python, extract, { log: "gpu-wheels-unpack" });
  }
  rmSync(wheels, { recursive: true });
  for (const path of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const name = path.split("/").at(-1) ?? "";
    if (unneeded.some((pattern) => pattern.test(name))) rmSync(join(folder, path), { recursive: true, force: true });
  }
}
