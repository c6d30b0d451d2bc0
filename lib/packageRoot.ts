/** Where the package lies, whether it runs from lib/ (source) or from dist/lib (built). */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fail } from "./errors.js";

function find(): string {
  for (let dir = dirname(fileURLToPath(import.meta.url)); ; dir = dirname(dir)) {
    const manifest = join(dir, "package.json");
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).name === "tunelab") return dir;
    if (dir === dirname(dir)) fail("The folder of the tunelab package was not found above its own code.");
  }
}

/** Absolute path of the folder that holds tunelab's package.json. */
export const packageRoot = find();
