/** The text of TypeScript, with one change that programs for cells need. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { packageRoot } from "../preload.js";
import { findPackage } from "./packages.js";

/** typescript.js as npm installed it; TypeScript finds its libraries beside it. */
export const typescriptPath = join(findPackage(packageRoot, "typescript") ?? "", "lib", "typescript.js");

const { version } = JSON.parse(readFileSync(join(dirname(typescriptPath), "..", "package.json"), "utf8")) as {
  version: string;
};

/** The changed text without spaces and comments, which the build writes: two thirds of it, for memory's sake. */
export const shortTypescriptPath = join(packageRoot, `dist/kernel/cells/typescript-${version}.js`);

export function typescriptSource(): string {
  return existsSync(shortTypescriptPath) ? readFileSync(shortTypescriptPath, "utf8") : changedTypescript();
}

/**
 * For each new program TypeScript asks again in which package each of its files lies, which takes longer than all else
 * that making a program from an earlier one takes. With this, a compiler host's `knownFileOptions` keep the answers.
 */
export function changedTypescript(): string {
  const parameters = "(fileName, moduleResolutionCache2, host2, options2)";
  return readFileSync(typescriptPath, "utf8").replace(
    `function getCreateSourceFileOptions${parameters} {`,
    (head) =>
      `function getCreateSourceFileOptions${parameters} { ` +
      "const known = host2.knownFileOptions; let found = known?.get(fileName); " +
      `if (found === undefined) { found = findCreateSourceFileOptions${parameters}; known?.set(fileName, found); } ` +
      `return found; } ${head.replace("getCreate", "findCreate")}`,
  );
}
