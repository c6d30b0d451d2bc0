/** TypeScript itself, loaded once, with the internal functions that cells need. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire, Module } from "node:module";
import { dirname, join } from "node:path";
import { Script } from "node:vm";
import type * as TypeScript from "typescript";
import { packageRoot } from "../preload.js";

const require = createRequire(import.meta.url);
const { version } = require("typescript/package.json") as { version: string };
const codeCachePath = join(
  packageRoot,
  "build/cache",
  `typescript-${version}-node-${process.version}-${process.arch}.bin`,
);

type Node = TypeScript.Node;
type SourceFile = TypeScript.SourceFile;

/** Functions that the typescript package exports at run time but not in its types. */
interface Internals {
  findPrecedingToken(position: number, file: SourceFile): Node | undefined;
  getTouchingPropertyName(file: SourceFile, position: number): Node;
  getContainerNode(node: Node): Node | undefined;
  nullTransformationContext: TypeScript.TransformationContext;
  SymbolDisplay: {
    getSymbolDisplayPartsDocumentationAndSymbolKind(
      checker: TypeScript.TypeChecker,
      symbol: TypeScript.Symbol,
      file: SourceFile,
      container: Node | undefined,
      location: Node,
    ): Pick<TypeScript.QuickInfo, "displayParts" | "documentation" | "tags"> & {
      symbolKind: TypeScript.ScriptElementKind;
    };
  };
  Completions: {
    getCompletionsAtPosition(
      host: object,
      program: TypeScript.Program,
      log: (message: string) => void,
      file: SourceFile,
      position: number,
      preferences: TypeScript.UserPreferences,
      triggerCharacter: string | undefined,
      kind: number | undefined,
      cancellation: TypeScript.CancellationToken,
      format: undefined,
      includeSymbol: boolean,
    ): TypeScript.CompletionInfo | undefined;
  };
}

export type { TypeScript };

let script: Script | undefined;

export const ts = loadTypeScript() as typeof TypeScript & Internals;

/**
 * Loads typescript.js by hand, to hand V8 the compiled code of an earlier kernel: nine megabytes of source take longer
 * to compile than the first cell takes to check.
 */
function loadTypeScript(): unknown {
  const path = require.resolve("typescript");
  const cachedData = readCodeCache();
  script = new Script(Module.wrap(withKnownFileOptions(readFileSync(path, "utf8"))), {
    filename: path,
    ...(cachedData && { cachedData }),
  });
  const module = new Module(path);
  module.filename = path;
  const run = script.runInThisContext() as (...args: unknown[]) => void;
  run(module.exports, createRequire(path), module, path, dirname(path));
  module.loaded = true;
  require.cache[path] = module;
  return module.exports;
}

/**
 * For each new program TypeScript asks again in which package each of its files lies, which takes longer than all else
 * that making a program from an earlier one takes. With this, a compiler host's `knownFileOptions` keep the answers.
 */
function withKnownFileOptions(source: string): string {
  const parameters = "(fileName, moduleResolutionCache2, host2, options2)";
  return source.replace(
    `function getCreateSourceFileOptions${parameters} {`,
    (head) =>
      `function getCreateSourceFileOptions${parameters} { ` +
      "const known = host2.knownFileOptions; let found = known?.get(fileName); " +
      `if (found === undefined) { found = findCreateSourceFileOptions${parameters}; known?.set(fileName, found); } ` +
      `return found; } ${head.replace("getCreate", "findCreate")}`,
  );
}

function readCodeCache(): Buffer | undefined {
  return existsSync(codeCachePath) ? readFileSync(codeCachePath) : undefined;
}

/** Keeps the code that V8 has compiled by now for the next kernel; where the package cannot be written, nothing. */
export function saveCodeCache(): void {
  if (script === undefined || (existsSync(codeCachePath) && script.cachedDataRejected === false)) return;
  const temporary = `${codeCachePath}.${process.pid}`;
  try {
    mkdirSync(dirname(codeCachePath), { recursive: true });
    writeFileSync(temporary, script.createCachedData());
    renameSync(temporary, codeCachePath);
  } catch {
    // Whatever is wrong with the disk, cells compile without it; but no half of a file is to be left there.
    rmSync(temporary, { force: true });
  }
}
