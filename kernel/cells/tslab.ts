/**
 * The one place that reaches into tslab 1.0.22: its converter, which turns cells into modules, answers completion and
 * inspection. It was written against a fork of TypeScript; `installTypeScript` puts our shim over mainline in the
 * fork's place before the converter is loaded. A contract test pins what is used here.
 */
import { createRequire } from "node:module";
import type { TypeScript } from "./typescript.js";

const require = createRequire(import.meta.url);

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
  inspect(previousDeclarations: string, source: string, position: number): TypeScript.QuickInfo | undefined;
  complete(
    previousDeclarations: string,
    source: string,
    position: number,
  ): { start: number; end: number; candidates: string[]; original?: TypeScript.CompletionInfo };
  addModule(name: string, source: string): TslabDiagnostic[];
  close(): void;
}

interface ConverterModule {
  createConverter(options: { isJS?: boolean; isBrowser?: boolean }): Converter;
  isCompleteCode(source: string): { completed: boolean; indent?: string };
}

export interface Tslab extends ConverterModule {
  printQuickInfo(info: TypeScript.QuickInfo): string;
  getCodeMetadata(source: string): CellMetadata;
}

/** What comments such as `/** @module name *\/` say of a cell. */
export interface CellMetadata {
  module?: string;
  mode?: "node" | "browser";
  jsx?: boolean;
}

/** Loads tslab's modules with `shim` in place of @tslab/typescript-for-tslab, which is never loaded. */
export function loadTslab(shim: object): Tslab {
  const converterPath = require.resolve("tslab/dist/converter.js");
  const fork = createRequire(converterPath).resolve("@tslab/typescript-for-tslab");
  require.cache[fork] = {
    id: fork,
    filename: fork,
    path: fork,
    loaded: true,
    exports: shim,
    children: [],
    paths: [],
    parent: null,
    isPreloading: false,
    require,
  } as unknown as NodeJS.Module;
  const converter = require(converterPath) as ConverterModule;
  const { printQuickInfo } = require("tslab/dist/inspect.js") as Pick<Tslab, "printQuickInfo">;
  const { getCodeMetadata } = require("tslab/dist/metadata.js") as Pick<Tslab, "getCodeMetadata">;
  return {
    createConverter: converter.createConverter,
    isCompleteCode: converter.isCompleteCode,
    printQuickInfo,
    getCodeMetadata,
  };
}
