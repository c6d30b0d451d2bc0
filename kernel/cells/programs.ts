/**
 * TypeScript programs for cells, one after the other, each made from the last. Stands in for TypeScript's watch program
 * and builder, which recompute a graph of all files for every change; a cell needs none of that, and most updates that
 * tslab's converter makes need only the cell's own file, so a program is not made before someone asks for it.
 */
import { statSync } from "node:fs";
import { dirname } from "node:path/posix";
import type { SharedFiles } from "./sharedFiles.js";
import type { TypeScript } from "./typescript.js";
import { ts } from "./typescript.js";

type SourceFile = TypeScript.SourceFile;

/** What the converter uses of a builder program. */
export interface CellBuilder {
  getProgram(): TypeScript.Program;
  getSourceFile(name: string): SourceFile | undefined;
  /** The file, and the local sources that it imports, directly or not. */
  getAllDependencies(file: SourceFile): string[];
  emit(
    file: SourceFile | undefined,
    write?: TypeScript.WriteFileCallback,
    cancellation?: TypeScript.CancellationToken,
    only?: boolean,
    transformers?: TypeScript.CustomTransformers,
  ): TypeScript.EmitResult;
}

/** What the converter passes to createWatchProgram: see typescriptShim.ts. */
export interface CellHost {
  roots: readonly string[];
  options: TypeScript.CompilerOptions;
  system: TypeScript.System;
  shared: SharedFiles;
  /** Whether a file goes into `shared`. */
  isShared(path: string): boolean;
  afterProgramCreate?: (builder: CellBuilder) => void;
}

interface Binding {
  bindSourceFile(file: SourceFile, options: TypeScript.CompilerOptions): void;
}

/** Internal fields of a source file. */
interface FileWithImports extends SourceFile {
  imports: readonly TypeScript.StringLiteralLike[];
}

interface FileWithLocals extends SourceFile {
  locals?: Map<string, TypeScript.Symbol>;
}

interface ProgramWithResolutions extends TypeScript.Program {
  getResolvedModuleFromModuleSpecifier(
    specifier: TypeScript.StringLiteralLike,
    file: SourceFile,
  ): TypeScript.ResolvedModuleWithFailedLookupLocations | undefined;
}

export class CellPrograms {
  readonly #host: CellHost;
  readonly #emit: (program: TypeScript.Program, ...rest: Parameters<CellBuilder["emit"]>) => TypeScript.EmitResult;
  readonly #compilerHost: TypeScript.CompilerHost;
  readonly #files = new Map<string, SourceFile | undefined>();
  /** Root files as they were parsed, and their statements, which the converter may exchange later. */
  readonly #parsed = new Map<string, { file: SourceFile; statements: SourceFile["statements"] }>();
  /** Local sources besides the cell, by path, with the time of the version that was read. */
  readonly #local = new Map<string, number>();
  /** By the folder that asks, and the name. */
  readonly #packages = new Map<string, TypeScript.ResolvedModuleWithFailedLookupLocations>();
  readonly #cache: TypeScript.ModuleResolutionCache;
  #roots: readonly string[];
  #program: TypeScript.Program | undefined;
  #timer: unknown;

  constructor(
    host: CellHost,
    emit: (program: TypeScript.Program, ...rest: Parameters<CellBuilder["emit"]>) => TypeScript.EmitResult,
  ) {
    this.#host = host;
    this.#emit = emit;
    this.#roots = host.roots;
    host.shared.resolutions ??= ts.createModuleResolutionCache("/", (name) => name, host.options);
    this.#cache = host.shared.resolutions;
    this.#compilerHost = this.#createCompilerHost(host.system.getCurrentDirectory());
    // The converter wants to be told of changes through the callbacks that a watch program registers.
    for (const root of this.#roots) host.system.watchFile?.(root, () => this.#changed(root));
    this.#update();
  }

  updateRootFileNames(roots: string[]): void {
    this.#roots = roots;
    this.#schedule();
  }

  close(): void {
    this.#files.clear();
  }

  #changed(path: string): void {
    this.#files.delete(path);
    this.#schedule();
  }

  #schedule(): void {
    const { setTimeout, clearTimeout } = this.#host.system;
    if (this.#timer !== undefined) clearTimeout?.(this.#timer);
    this.#timer = setTimeout?.(() => this.#update(), 0);
  }

  #update(): void {
    this.#timer = undefined;
    this.#forgetChangedFiles();
    let current: TypeScript.Program | undefined;
    const program = () => {
      if (current === undefined) {
        current = ts.createProgram([...this.#roots], this.#host.options, this.#compilerHost, this.#program);
        this.#program = current;
      }
      return current;
    };
    this.#host.afterProgramCreate?.({
      getProgram: program,
      getSourceFile: (name) => (current ? current.getSourceFile(fromTsName(name)) : this.#boundFile(name)),
      getAllDependencies: (file) => localDependencies(program() as ProgramWithResolutions, file).map(asTsName),
      emit: (...rest) => this.#emit(program(), ...rest),
    });
  }

  /** A root file, parsed and bound: enough to know what a cell declares. */
  #boundFile(name: string): SourceFile | undefined {
    const file = this.#file(name, this.#host.options.target ?? ts.ScriptTarget.ES2024);
    if (file === undefined) return undefined;
    (ts as unknown as Binding).bindSourceFile(file, this.#host.options);
    // `declare global` and `declare module "..."` stand there like names, which the converter would export.
    const { locals } = file as FileWithLocals;
    for (const name of locals?.keys() ?? []) if (/^(?:__global$|")/.test(name)) locals?.delete(name);
    return file;
  }

  #createCompilerHost(cwd: string): TypeScript.CompilerHost {
    const { options, system } = this.#host;
    const base = ts.createCompilerHost(options);
    return {
      ...base,
      getCurrentDirectory: () => cwd,
      fileExists: (path) => system.fileExists(path),
      readFile: (path) => system.readFile(path),
      directoryExists: (path) => system.directoryExists(path),
      getDirectories: (path) => system.getDirectories(path),
      realpath: (path) => system.realpath?.(path) ?? path,
      getSourceFile: (name, version) => this.#file(name, version),
      getModuleResolutionCache: () => this.#cache,
      knownFileOptions: this.#host.shared.options,
      resolveModuleNameLiterals: (literals, from, redirect, compilerOptions, file) =>
        literals.map((literal) => {
          const mode = ts.getModeForUsageLocation(file, literal, compilerOptions);
          return this.#resolve(literal.text, from, mode, redirect);
        }),
    };
  }

  #resolve(
    name: string,
    from: string,
    mode: TypeScript.ResolutionMode,
    redirect: TypeScript.ResolvedProjectReference | undefined,
  ): TypeScript.ResolvedModuleWithFailedLookupLocations {
    const { options } = this.#host;
    if (!this.#isLocal(from)) {
      return ts.resolveModuleName(name, from, options, this.#compilerHost, this.#cache, redirect, mode);
    }
    // Only what was found is remembered: a missing package may be installed at any time.
    const key = `${dirname(from)} ${name}`;
    const known = this.#packages.get(key);
    if (known !== undefined) return known;
    const resolved = withOwnSources(
      ts.resolveModuleName(name, from, options, this.#compilerHost, undefined, redirect, mode),
    );
    const found = resolved.resolvedModule;
    // So may the types of one that has none.
    if (found && !/js$/.test(found.extension) && !name.startsWith(".")) this.#packages.set(key, resolved);
    return resolved;
  }

  #file(name: string, version: TypeScript.ScriptTarget | TypeScript.CreateSourceFileOptions): SourceFile | undefined {
    const files = this.#host.isShared(name) ? this.#host.shared.sources : this.#files;
    if (files.has(name)) return files.get(name);
    const given = this.#host.system.readFile(name);
    const text = this.#host.roots.includes(name) ? given && withPlainNames(given) : given;
    const parsed = this.#parsed.get(name);
    // The converter says that a file has changed whenever it might have.
    if (parsed !== undefined && parsed.file.text === text && parsed.file.statements === parsed.statements) {
      files.set(name, parsed.file);
      return parsed.file;
    }
    const options = typeof version === "object" ? version : { languageVersion: version };
    // Comments are most of a library's declarations; what inspection shows of them is read when asked for (documentation.ts).
    const jsDocParsingMode = name.endsWith(".d.ts") ? ts.JSDocParsingMode.ParseNone : ts.JSDocParsingMode.ParseAll;
    const file = text === undefined ? undefined : ts.createSourceFile(name, text, { ...options, jsDocParsingMode });
    files.set(name, file);
    if (file !== undefined && this.#host.roots.includes(name)) {
      this.#parsed.set(name, { file, statements: file.statements });
    }
    if (this.#isLocal(name) && !this.#host.roots.includes(name)) {
      this.#local.set(name, modifiedAt(name));
      this.#host.system.watchFile?.(name, () => this.#files.delete(name));
    }
    return file;
  }

  /** The cell's own files, and what a person may change: sources beside the notebook and elsewhere. */
  #isLocal(path: string): boolean {
    return !path.includes("/node_modules/") && !this.#host.isShared(path);
  }

  /** Looks at the few local sources anew for every cell, which is surer than waiting to be told. */
  #forgetChangedFiles(): void {
    for (const [path, time] of this.#local) {
      const now = modifiedAt(path);
      if (now === time) continue;
      this.#local.set(path, now);
      this.#host.system.notifyChanged?.(path, asTsName(path));
    }
  }
}

/** The converter takes the names that a cell exports from the binder, which writes three underscores for two. */
function withPlainNames(source: string): string {
  return source.replace(/\nexport \{[^{}\n]*\}$/, (list) => list.replaceAll(/(?<=[{ ])___/g, "__"));
}

declare module "typescript" {
  interface CompilerHost {
    /** Filled and read by TypeScript as we load it: see typescript.ts. */
    knownFileOptions?: Map<string, unknown>;
  }
  interface System {
    /** Calls the watchers of a file, which the converter knows by `name`; ours, see typescriptShim.ts. */
    notifyChanged?(path: string, name: string): void;
  }
}

/** The converter compiles only what ends in .js or .ts, so other sources go by a longer name there. */
function asTsName(path: string): string {
  return /\.(?:[cm]ts|[jt]sx)$/.test(path) ? `${path}.ts` : path;
}

function fromTsName(name: string): string {
  return name.replace(/(\.(?:[cm]ts|[jt]sx))\.ts$/, "$1");
}

/** A package that is a link to sources elsewhere is as good as a local file: compiled, and read again when it changes. */
function withOwnSources(
  resolved: TypeScript.ResolvedModuleWithFailedLookupLocations,
): TypeScript.ResolvedModuleWithFailedLookupLocations {
  const found = resolved.resolvedModule;
  if (!found?.isExternalLibraryImport || !/^\.[cm]?tsx?$/.test(found.extension)) return resolved;
  if (found.resolvedFileName.includes("/node_modules/")) return resolved;
  return { ...resolved, resolvedModule: { ...found, isExternalLibraryImport: false } };
}

function modifiedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function localDependencies(program: ProgramWithResolutions, start: SourceFile): string[] {
  const found = new Set<string>();
  const visit = (file: SourceFile) => {
    if (found.has(file.fileName)) return;
    found.add(file.fileName);
    for (const specifier of (file as FileWithImports).imports ?? []) {
      const target = program.getResolvedModuleFromModuleSpecifier(specifier, file)?.resolvedModule;
      if (target === undefined || target.isExternalLibraryImport) continue;
      const next = program.getSourceFile(target.resolvedFileName);
      if (next !== undefined && !next.isDeclarationFile) visit(next);
    }
  };
  visit(start);
  return [...found];
}
