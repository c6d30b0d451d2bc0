/** Variables from a .env file, as python-dotenv's load_dotenv reads them. */
import { existsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { config } from "dotenv";
import { checkOptions, fail } from "./errors.js";

export interface LoadDotenvOptions {
  /** The file to read. Defaults to the first .env in the working directory or a folder above it. */
  path?: string;
  /** Replace variables that are set already. Defaults to false. */
  override?: boolean;
}

/**
 * Sets variables of process.env from a .env file; those that are set keep their values.
 * @returns whether a file was found
 */
export function loadDotenv(options: LoadDotenvOptions = {}): boolean {
  checkOptions("loadDotenv", options, ["path", "override"]);
  const path = options.path ?? findDotenv(process.cwd());
  if (path === null || !existsSync(path)) return false;
  const { error } = config({ path, override: options.override ?? false, quiet: true });
  if (error) fail(`Cannot read ${resolve(path)}: ${error.message}.`, { cause: error });
  return true;
}

function findDotenv(start: string): string | null {
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    const file = join(folder, ".env");
    if (existsSync(file) && statSync(file).isFile()) return file;
    if (folder === dirname(folder)) return null;
  }
}
