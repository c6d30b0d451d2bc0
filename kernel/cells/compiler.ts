/** From a cell's source to a function or to diagnostics, with the declarations of earlier cells in mind. */
import type { CheckLevel } from "../magics/names.js";
import type { Preload } from "../preload.js";
import { carriedDeclarations, globalNames, withEarlierNamespaces, withoutAugmentedAgain } from "./ambient.js";
import { type CellImport, toCellFunction } from "./cellFunction.js";
import { isUnchecked, toCellSource } from "./cellSource.js";
import { type Candidates, type CompletionItem, type Description, matching } from "./completion.js";
import { withoutLostNames } from "./declarations.js";
import type { CellDiagnostic } from "./diagnostics.js";
import { toCellDiagnostic } from "./diagnostics.js";
import { isEarlierBase, withEarlierBases } from "./earlierBases.js";
import { faultsIn, isTemplateOpen } from "./faults.js";
import { withHabits } from "./habits.js";
import type { Inspection } from "./inspection.js";
import type { LineMap } from "./lineMap.js";
import { decodeLineMap } from "./lineMap.js";
import { type Known, PreloadedNames } from "./preloadedNames.js";
import { refusalOf } from "./refusals.js";
import type { SharedFiles } from "./sharedFiles.js";
import type { SideModule } from "./sideModules.js";
import type { Converter, Tslab, TslabDiagnostic } from "./tslab.js";
import { loadTslab } from "./tslab.js";
import type { Shim } from "./typescriptShim.js";
import { createShim } from "./typescriptShim.js";
import { VirtualFiles } from "./virtualFiles.js";

export interface CompiledCell {
  body: string;
  head: number;
  imports: CellImport[];
  names: string[];
  lines: LineMap;
  sideModules: Record<string, SideModule>;
  /** Preloaded modules that it uses. */
  preloaded: string[];
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
  items: CompletionItem[];
}

/** Types are looked at for so many names; in a longer list, where a person goes on typing, for the first that show. */
const MAX_LIST = 40;
const FIRST_OF_MANY = 10;

/** Something of what cells are mostly made of. */
const USUAL_CELL = `
const items = Array.from({ length: 3 }, (_, index) => ({ name: "item " + index, index }));
for (const { name, index } of items.filter((item) => item.index > 0)) console.log(name, index * 2);
const text = JSON.stringify(items.map((item) => item.name).join(", "));
process.stdout.write(text + "\\n");
async function later(ms: number): Promise<number> { return await new Promise((done) => setTimeout(() => done(ms), ms)); }
await later(1);`;

export class CellCompiler {
  readonly #tslab: Tslab;
  readonly #shim: Shim;
  readonly #converter: Converter;
  readonly #preloaded: PreloadedNames;
  readonly #packageRoot: string;
  readonly #shared: SharedFiles;
  #known: Known;
  /** What will be known when the running cell ends well, and what it was compiled with. */
  #pending: { after: Known; before: Known; names: readonly string[] } | undefined;

  /** For notebooks in `cwd`. */
  constructor(cwd: string, preload: Preload, shared: SharedFiles, known?: Known) {
    this.#packageRoot = preload.packageRoot;
    this.#shared = shared;
    const files = new VirtualFiles({ cwd, packageName: preload.packageName, packageRoot: preload.packageRoot });
    const replaced = shared.packages.some((name) => files.replaces(name));
    this.#shim = createShim(cwd, files, replaced ? shared.withoutResolutions() : shared);
    this.#tslab = loadTslab(this.#shim.typescript);
    this.#converter = this.#tslab.createConverter({});
    this.#preloaded = new PreloadedNames(preload);
    this.#known = known ?? this.#preloaded.initial;
  }

  /** What all finished cells left behind. */
  get known(): Known {
    return this.#known;
  }

  /** Has TypeScript read and bound what every cell needs, before one does. */
  warm(): void {
    this.#rehearse("console");
  }

  /** Compiles a cell for nobody: V8 makes fast what has run a few times, and a notebook's first cells find it so. */
  rehearse(): void {
    this.#rehearse(USUAL_CELL);
  }

  #rehearse(source: string): void {
    this.#converter.convert(this.#known.declarations, source);
    this.#shim.takeEmitted();
  }

  /** Has it read the preloaded packages too, and no more: bound, which takes a moment, they are a third larger. */
  read(): void {
    // A fault of syntax is found when all files of the program have been read, and nothing is looked into after that.
    const faulty = "(";
    this.#shim.withoutTypeErrors(() =>
      this.#converter.convert(this.#preloaded.declare(this.#known).declarations, faulty),
    );
  }

  compile(source: string, check: CheckLevel = "error"): Compilation {
    const metadata = this.#tslab.getCodeMetadata(source);
    const refusal = refusalOf(source, metadata);
    if (refusal !== undefined) return { refusal };
    if (metadata.module !== undefined) return this.#addModule(metadata.module, source, check);
    const known = this.#preloaded.declare(this.#known, source);
    const compilation = this.#compile(source, check, known);
    if ("cell" in compilation || known.unused.length === 0) return compilation;
    // What is wrong may be a misspelt name, or a global that only the library's declarations bring.
    this.#pending = undefined;
    return this.#compile(source, check, this.#preloaded.declare(known));
  }

  #compile(source: string, check: CheckLevel, before: Known): Compilation {
    const { text, opened } = toCellSource(source);
    const shown = (diagnostics: TslabDiagnostic[]) =>
      withHabits(
        diagnostics
          .map(toCellDiagnostic)
          .map((one) => (one.line === opened ? { ...one, column: one.column - 1 } : one)),
        source,
      );
    const known = withoutAugmentedAgain(before.declarations, text);
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
      // Of what is missing at the end the converter speaks in terms of what it has put there.
      const end = text.trimEnd().split("\n").length;
      const isBehind = conversion.diagnostics.some(
        ({ start, fileName }) => fileName === undefined && start.line >= end,
      );
      const faults = isBehind ? faultsIn(text) : [];
      return { diagnostics: shown(faults.length > 0 ? faults : conversion.diagnostics) };
    }
    const declarations = `${conversion.declOutput ?? ""}${carriedDeclarations(known, emitted.declarations)}`;
    const { output = "", lastExpressionVar } = conversion;
    const cell = toCellFunction(output, lastExpressionVar, globalNames(known), continued.names);
    this.#pending = { after: { ...before, declarations }, before, names: cell.names };
    return {
      cell: {
        ...cell,
        lines: emitted.sourceMap === "" ? [] : decodeLineMap(emitted.sourceMap, 1),
        sideModules: emitted.sideModules,
        preloaded: this.#preloaded.modules(source),
      },
      warnings,
    };
  }

  /** Ends the cell that was compiled last; `lost` are names that it did not come to give a value. */
  finish(lost: readonly string[]): void {
    if (this.#pending === undefined) return;
    const { after, before, names } = this.#pending;
    const declarations = withoutLostNames(after.declarations, before.declarations, new Set(lost));
    const declared = new Set(names.filter((name) => !lost.includes(name)));
    this.#known = { ...after, declarations: withEarlierBases(declarations, before.declarations, declared) };
    this.#pending = undefined;
  }

  complete(source: string, position: number): Completion {
    const known = this.#preloaded.declare(this.#latest(), source);
    const found = this.#candidates(known.declarations, source, position);
    const { names, anyNameAt = 0 } = found;
    const unused = new Set(found.anyNameAt === undefined ? [] : known.unused);
    const all = new Set([...names.slice(0, anyNameAt), ...unused, ...names.slice(anyNameAt)]);
    for (const name of all) if (isEarlierBase(name)) all.delete(name);
    const start = position - found.before;
    const shown = matching([...all], source.slice(start, position));
    const closely = shown.length > MAX_LIST ? FIRST_OF_MANY : MAX_LIST;
    const items = shown.map((name, index) => ({
      name,
      ...((unused.has(name) && this.#descriptions[name]) || found.describe(name, index < closely)),
    }));
    return { start, end: position + found.after, items };
  }

  #candidates(declarations: string, source: string, position: number): Candidates {
    return this.#converter.complete(declarations, source, position).original.candidates;
  }

  /** Kinds and signatures of the preloaded names, which stay what they are. */
  describePreloaded(): Record<string, Description> {
    const { initial } = this.#preloaded;
    const { describe } = this.#converter.inspect(this.#preloaded.declare(initial).declarations, "", 0);
    return Object.fromEntries(initial.unused.map((name) => [name, describe(name) ?? { kind: "instance" }]));
  }

  /** Found out once for all notebooks, ahead where there is a snapshot. */
  get #descriptions(): Record<string, Description> {
    const { descriptions } = this.#shared;
    descriptions[this.#packageRoot] ??= this.describePreloaded();
    return descriptions[this.#packageRoot] as Record<string, Description>;
  }

  /** What the name at the position is, or before it, or the function that is called there. */
  inspect(source: string, position: number, detailed = false): Inspection | undefined {
    const { declarations } = this.#preloaded.declare(this.#latest(), source);
    return this.#converter.inspect(declarations, source, Math.min(position, source.length)).inspect?.(detailed);
  }

  isComplete(source: string): { status: "complete" | "incomplete" | "invalid"; indent?: string } {
    const { text } = toCellSource(source);
    const { completed, indent } = this.#tslab.isCompleteCode(text);
    if (!completed) return { status: "incomplete", indent: indent ?? "" };
    const faults = faultsIn(text);
    if (isTemplateOpen(faults)) return { status: "incomplete", indent: "" };
    return { status: faults.length > 0 ? "invalid" : "complete" };
  }

  /** Forgets every cell, as after a restart of the runner. */
  reset(): void {
    this.#pending = undefined;
    this.#known = this.#preloaded.initial;
  }

  close(): void {
    this.#converter.close();
  }

  #latest(): Known {
    return this.#pending?.after ?? this.#known;
  }

  #addModule(name: string, source: string, check: CheckLevel): Compilation {
    const diagnostics = this.#converter
      .addModule(name, source)
      .map(toCellDiagnostic)
      // What the converter knows as a file is this cell.
      .map((one) => (one.file === `${name}.ts` ? { ...one, file: undefined } : one));
    if (diagnostics.length > 0 && check === "error") return { diagnostics };
    return {
      cell: { body: "", head: 0, imports: [], names: [], lines: [], sideModules: {}, preloaded: [] },
      warnings: diagnostics,
    };
  }
}
