/** From a cell's source to a function or to diagnostics, with the declarations of earlier cells in mind. */
import type { CheckLevel } from "../magics/names.js";
import type { Preload } from "../preload.js";
import { carriedDeclarations, globalNames, withEarlierNamespaces, withoutAugmentedAgain } from "./ambient.js";
import { toCellFunction } from "./cellFunction.js";
import { faultsOf, isUnchecked, toCellSource } from "./cellSource.js";
import { withoutLostNames } from "./declarations.js";
import type { CellDiagnostic } from "./diagnostics.js";
import { toCellDiagnostic } from "./diagnostics.js";
import { exportNames } from "./exportNames.js";
import type { LineMap } from "./lineMap.js";
import { decodeLineMap } from "./lineMap.js";
import { refusalOf } from "./refusals.js";
import type { SideModule } from "./sideModules.js";
import type { Converter, Tslab, TslabDiagnostic } from "./tslab.js";
import { loadTslab } from "./tslab.js";
import { ts } from "./typescript.js";
import type { Shim } from "./typescriptShim.js";
import { createShim } from "./typescriptShim.js";
import { VirtualFiles } from "./virtualFiles.js";

export interface CompiledCell {
  body: string;
  head: number;
  imports: string[];
  names: string[];
  lines: LineMap;
  sideModules: Record<string, SideModule>;
}

export type Compilation =
  /** `warnings` are the type errors of a cell that runs all the same. */
  | { cell: CompiledCell; warnings: CellDiagnostic[] }
  | { diagnostics: CellDiagnostic[] }
  /** Why no cell can be like this, in a sentence. */
  | { refusal: string };

export interface Completion {
  start: number;
  end: number;
  items: { name: string; kind: string }[];
}

export class CellCompiler {
  readonly #tslab: Tslab;
  readonly #shim: Shim;
  readonly #converter: Converter;
  #declarations: string;
  /** Declarations as they will be when the running cell ends well. */
  #pending: string | undefined;

  /** Works for notebooks in the current directory, which the converter reads once, here. */
  constructor(cwd: string, preload: Preload, declarations?: string) {
    const files = new VirtualFiles({ cwd, packageName: preload.packageName, packageRoot: preload.packageRoot });
    this.#shim = createShim(cwd, files);
    this.#tslab = loadTslab(this.#shim.typescript);
    this.#converter = this.#tslab.createConverter({});
    this.#declarations = declarations ?? this.#preload(preload);
  }

  /** Declarations of all finished cells. */
  get declarations(): string {
    return this.#declarations;
  }

  /** Has TypeScript read its libraries and the preloaded package before the first cell comes. */
  warm(): void {
    this.#converter.convert(this.#declarations, "console");
    this.#shim.takeEmitted();
  }

  compile(source: string, check: CheckLevel = "error"): Compilation {
    const metadata = this.#tslab.getCodeMetadata(source);
    const refusal = refusalOf(source, metadata);
    if (refusal !== undefined) return { refusal };
    if (metadata.module !== undefined) return this.#addModule(metadata.module, source, check);
    const { text, opened } = toCellSource(source);
    const shown = (diagnostics: TslabDiagnostic[]) =>
      diagnostics.map(toCellDiagnostic).map((one) => (one.line === opened ? { ...one, column: one.column - 1 } : one));
    const known = withoutAugmentedAgain(this.#declarations, text);
    const continued = withEarlierNamespaces(text, known);
    const convert = () => this.#converter.convert(known, continued.text);
    let conversion = isUnchecked(text) ? this.#shim.withoutTypeErrors(convert) : convert();
    let emitted = this.#shim.takeEmitted();
    let warnings: CellDiagnostic[] = [];
    if (conversion.diagnostics.length > 0 && check === "warn") {
      warnings = shown(conversion.diagnostics);
      conversion = this.#shim.withoutTypeErrors(convert);
      emitted = this.#shim.takeEmitted();
    }
    if (conversion.diagnostics.length > 0) {
      return { diagnostics: shown(conversion.diagnostics) };
    }
    this.#pending = `${conversion.declOutput ?? ""}${carriedDeclarations(known, emitted.declarations)}`;
    return {
      cell: {
        ...toCellFunction(conversion.output ?? "", conversion.lastExpressionVar, globalNames(known), continued.names),
        lines: emitted.sourceMap === "" ? [] : decodeLineMap(emitted.sourceMap, 1),
        sideModules: emitted.sideModules,
      },
      warnings,
    };
  }

  /** Ends the cell that was compiled last; `lost` are names that it did not come to give a value. */
  finish(lost: readonly string[]): void {
    if (this.#pending === undefined) return;
    this.#declarations = withoutLostNames(this.#pending, this.#declarations, new Set(lost));
    this.#pending = undefined;
  }

  complete(source: string, position: number): Completion {
    const { start, end, candidates, original } = this.#converter.complete(this.#known(), source, position);
    const typed = source.slice(start, position);
    const starting = candidates.filter((name) => name.startsWith(typed));
    const folded = candidates.filter((name) => name.toLowerCase().startsWith(typed.toLowerCase()));
    const names = starting.length > 0 ? starting : folded.length > 0 ? folded : candidates;
    const kinds = new Map(original?.entries.map((entry) => [entry.name, entry.kind]));
    return { start, end, items: names.map((name) => ({ name, kind: kinds.get(name) ?? "" })) };
  }

  /** Signature and documentation of the name at the position, or before it. */
  inspect(source: string, position: number): string | undefined {
    for (const at of [position, position - 1]) {
      if (at < 0 || at > source.length) continue;
      const info = this.#converter.inspect(this.#known(), source, at);
      if (info) return this.#tslab.printQuickInfo(info);
    }
    return undefined;
  }

  isComplete(source: string): { status: "complete" | "incomplete" | "invalid"; indent?: string } {
    const { text } = toCellSource(source);
    const { completed, indent } = this.#tslab.isCompleteCode(text);
    if (!completed) return { status: "incomplete", indent: indent ?? "" };
    const file = ts.createSourceFile("cell.ts", text, ts.ScriptTarget.Latest, false, ts.ScriptKind.TS);
    return { status: faultsOf(file).length > 0 ? "invalid" : "complete" };
  }

  /** Forgets every cell, as after a restart of the runner. */
  reset(preload: Preload): void {
    this.#pending = undefined;
    this.#declarations = this.#preload(preload);
  }

  close(): void {
    this.#converter.close();
  }

  #known(): string {
    return this.#pending ?? this.#declarations;
  }

  #addModule(name: string, source: string, check: CheckLevel): Compilation {
    const diagnostics = this.#converter
      .addModule(name, source)
      .map(toCellDiagnostic)
      // What the converter knows as a file is this cell.
      .map((one) => (one.file === `${name}.ts` ? { ...one, file: undefined } : one));
    if (diagnostics.length > 0 && check === "error") return { diagnostics };
    return { cell: { body: "", head: 0, imports: [], names: [], lines: [], sideModules: {} }, warnings: diagnostics };
  }

  /** Types for the preloaded names; their values are the runner's affair. */
  #preload(preload: Preload): string {
    let declarations = "";
    for (const { specifier, namespace } of preload.modules) {
      const names = namespace === undefined ? exportNames(preload.packageRoot) : [];
      if (namespace !== undefined) declarations += `import * as ${namespace} from "${specifier}";\n`;
      else if (names.length > 0) declarations += `import { ${names.join(", ")} } from "${specifier}";\n`;
    }
    return declarations;
  }
}
