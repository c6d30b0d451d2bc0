/**
 * The one place that reaches into tslab 1.0.22: its converter, which turns cells into modules and
 * finds the place of a cursor in them. It was written against a fork of TypeScript, in whose place it gets our shim over mainline. A contract test
 * pins what is used here.
 */
import { join } from "node:path";
import { packageRoot } from "../preload.js";
import { CommonJsFiles } from "./commonJs.js";
import type { Candidates, Description } from "./completion.js";
import type { Inspect } from "./inspection.js";
import { findPackage } from "./packages.js";

export interface Position {
  offset: number;
  line: number;
  character: number;
}

export interface TslabDiagnostic {
  start: Position;
  end: Position;
  messageText: string;
  code: number;
  fileName?: string;
}

export interface Conversion {
  output?: string;
  declOutput?: string;
  diagnostics: TslabDiagnostic[];
  lastExpressionVar?: string;
}

export interface Converter {
  convert(previousDeclarations: string, source: string): Conversion;
  /** What our shim finds out about the position: see typescriptShim.ts. */
  inspect(previousDeclarations: string, source: string, position: number): Inspected;
  complete(previousDeclarations: string, source: string, position: number): { original: { candidates: Candidates } };
  addModule(name: string, source: string): TslabDiagnostic[];
  close(): void;
}

interface Inspected {
  inspect: Inspect | undefined;
  /** Of a name among the previous declarations. */
  describe(name: string): Description | undefined;
}

interface ConverterModule {
  createConverter(options: { isJS?: boolean; isBrowser?: boolean }): Converter;
  isCompleteCode(source: string): { completed: boolean; indent?: string };
}

export interface Tslab extends ConverterModule {
  getCodeMetadata(source: string): CellMetadata;
}

/** What comments such as `/** @module name *\/` say of a cell. */
export interface CellMetadata {
  module?: string;
  mode?: "node" | "browser";
  jsx?: boolean;
}

const folder = join(findPackage(packageRoot, "tslab") ?? "", "dist");
/** What the fork's module is to the converter, which is loaded once: the shim of the compiler that was made last. */
let fork: Record<string, unknown> = {};
let loaded: Tslab | undefined;

/** tslab's modules with `shim` in place of @tslab/typescript-for-tslab, which is never loaded. */
export function loadTslab(shim: object): Tslab {
  fork = shim as Record<string, unknown>;
  loaded ??= load();
  return loaded;
}

function load(): Tslab {
  const forwarding = {};
  for (const name of Object.keys(fork)) {
    Object.defineProperty(forwarding, name, { enumerable: true, get: () => fork[name] });
  }
  const files = new CommonJsFiles({
    "@tslab/typescript-for-tslab": forwarding,
    // The converter asks for Node's major version, to choose a target that our compiler options replace.
    semver: { major: (version: string) => Number.parseInt(version.replace("v", ""), 10) },
  });
  const { createConverter, isCompleteCode } = files.load(join(folder, "converter.js")) as ConverterModule;
  const { getCodeMetadata } = files.load(join(folder, "metadata.js")) as Pick<Tslab, "getCodeMetadata">;
  return { createConverter, isCompleteCode, getCodeMetadata };
}
