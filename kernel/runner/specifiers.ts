/** What a cell names when it imports: a path, a package, and what to say when there is nothing by that name. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";

const NOT_FOUND = new Set(["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"]);
const SOURCE = /\.[cm]?tsx?$/;
/** What import() says of a name that require(), and TypeScript, can make sense of. */
const INCOMPLETE = new Set(["ERR_MODULE_NOT_FOUND", "ERR_UNSUPPORTED_DIR_IMPORT", "ERR_UNKNOWN_FILE_EXTENSION"]);

export function isPath(specifier: string): boolean {
  return /^\.{0,2}\//.test(specifier);
}

/** True when `specifier` itself was not found, as opposed to something that it imports. */
export function isMissing(error: unknown, specifier: string): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined || !NOT_FOUND.has(code)) return false;
  return !specifier.startsWith(".") && message.includes(`'${packageOf(specifier)}`);
}

/** True when import() cannot make sense of a name that require(), or TypeScript, perhaps can. */
export function isIncomplete(error: unknown): boolean {
  return INCOMPLETE.has((error as NodeJS.ErrnoException).code ?? "");
}

/** The error for a TypeScript file that only the running cell has named; undefined when there is no such file. */
export function uncompiled(directory: string, specifier: string): Error | undefined {
  const path = resolve(directory, specifier);
  if (!["", ".ts", ".tsx", ".mts", ".cts"].some((ending) => SOURCE.test(path + ending) && existsSync(path + ending))) {
    return undefined;
  }
  return new Error(
    `"${specifier}" was not compiled, since no cell has imported it by name. ` +
      `Write the name itself in the cell: import(${JSON.stringify(specifier)}).`,
  );
}

/** "pkg" of "pkg/part", "@scope/pkg" of "@scope/pkg/part". */
function packageOf(specifier: string): string {
  return /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
}

/** The error for a package that neither the notebook nor the kernel has. */
export function notFound(specifier: string, code = "ERR_MODULE_NOT_FOUND"): Error {
  const way = `Install it in the notebook's directory: npm install ${packageOf(specifier)}`;
  return Object.assign(new Error(`Cannot find the package "${specifier}". ${way}`), { code });
}
