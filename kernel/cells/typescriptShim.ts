/**
 * Mainline TypeScript dressed as the fork that tslab's converter expects, and the places where our own compiler
 * options, virtual files and transforms enter that converter without changing it.
 */

import { dirname, join } from "node:path/posix";
import { candidatesAt, describeDeclared } from "./completion.js";
import { spellOutEarlierNames } from "./earlierNames.js";
import { IMPORT_EQUALS_IN_MODULE, replaceImportEquals } from "./importEquals.js";
import { inspectAt } from "./inspection.js";
import { type CellBuilder, type CellHost, CellPrograms } from "./programs.js";
import type { SharedFiles } from "./sharedFiles.js";
import { compileSideModule, type SideModule } from "./sideModules.js";
import { STANDARD_LIBRARY } from "./standardLibrary.js";
import type { TypeScript } from "./typescript.js";
import { ts } from "./typescript.js";
import type { VirtualFiles } from "./virtualFiles.js";
import { withWayOut } from "./wayOut.js";

export interface Emitted {
  /** Source map (JSON) of the last emitted cell. */
  sourceMap: string;
  /** Declarations of the last emitted cell alone. */
  declarations: string;
  /** Local .ts files that the cell imports, newly compiled: absolute path of the .js -> CommonJS text. */
  sideModules: Record<string, SideModule>;
}

const CELL_FILE = "__tslab__";

export interface Shim {
  typescript: object;
  /** What the emits since the last call produced besides the cell's JavaScript. */
  takeEmitted(): Emitted;
  /** Has `convert` find faults of syntax only. */
  withoutTypeErrors<T>(convert: () => T): T;
}

export function createShim(cwd: string, files: VirtualFiles, shared: SharedFiles): Shim {
  let emitted: Emitted = { sourceMap: "", declarations: "", sideModules: {} };
  let syntaxOnly = false;
  const watchers = new Map<string, TypeScript.FileWatcherCallback>();
  /** The file functions of the notebook's programs. */
  let notebook: TypeScript.System = ts.sys;
  // Nothing is really watched: see CellPrograms for when local files are looked at.
  const system = Object.assign(Object.create(ts.sys) as TypeScript.System, {
    getCurrentDirectory: () => cwd,
    watchFile(path: string, callback: TypeScript.FileWatcherCallback): TypeScript.FileWatcher {
      watchers.set(path, callback);
      return { close: () => watchers.delete(path) };
    },
    notifyChanged: (path: string, name: string) => watchers.get(path)?.(name, ts.FileWatcherEventKind.Changed),
  });

  function watchCompilerHost(
    roots: string[],
    options: TypeScript.CompilerOptions,
    system: TypeScript.System,
  ): CellHost {
    files.install(system);
    notebook = system;
    const isShared = (path: string) => files.isOfKernel(path);
    return { roots, options: compilerOptions(options, cwd), system, shared, isShared };
  }

  /** Of whom completion asks which packages and files there are. */
  function completionHost(program: TypeScript.Program): object {
    const { fileExists, readFile, directoryExists, getDirectories, readDirectory } = notebook;
    const functions = { fileExists, readFile, directoryExists, getDirectories, readDirectory };
    return {
      ...functions,
      getCompilationSettings: () => program.getCompilerOptions(),
      getCurrentDirectory: () => cwd,
    };
  }

  function emit(
    program: TypeScript.Program,
    ...[file, write, cancellation, only, transformers]: Parameters<CellBuilder["emit"]>
  ): TypeScript.EmitResult {
    const isCell = file?.fileName === `${cwd}/${CELL_FILE}.ts`;
    if (file !== undefined && !isCell) {
      const { path, module } = compileSideModule(program, file, cwd);
      emitted.sideModules[path] = module;
      return { emitSkipped: false, diagnostics: [] };
    }
    const writeOurs: TypeScript.WriteFileCallback = (name, text, ...rest) => {
      if (name.endsWith(".map")) {
        emitted.sourceMap = text;
      } else {
        if (name.endsWith(".d.ts")) emitted.declarations = text;
        write?.(`outDir/${CELL_FILE}${name.endsWith(".d.ts") ? ".d.ts" : ".js"}`, text, ...rest);
      }
    };
    const before = [
      replaceImportEquals(program.getTypeChecker()),
      spellOutEarlierNames(program, `${cwd}/__prev__.d.ts`),
    ];
    const all = { ...transformers, before };
    // forceDtsEmit: a type that cannot be written out in a declaration must not stop a cell that is otherwise right.
    return (program.emit as EmitForced)(file, writeOurs, cancellation, only, all, true);
  }

  const additions: Record<string, unknown> = {
    createWatchCompilerHost: watchCompilerHost,
    createWatchProgram: (host: CellHost) => new CellPrograms(host, emit),
    sys: system,
    getNullTransformationContext: () => ts.nullTransformationContext,
    getDefaultTypeRoots: (directory: string) => [`${directory}/node_modules/@types`],
    getPreEmitDiagnosticsOfFiles: (program: TypeScript.Program, sources: TypeScript.SourceFile[]) =>
      diagnosticsOf(program, sources, syntaxOnly),
    // The converter hands on whatever these two give it, and would else spend its time on sorting what goes unread.
    getQuickInfoAtPosition: (
      file: TypeScript.SourceFile,
      checker: TypeScript.TypeChecker,
      _cancellation: unknown,
      position: number,
    ) => ({
      inspect: inspectAt(file, checker, position, (path) => files.place(path)),
      describe: (name: string) => describeDeclared(checker, file, name),
    }),
    Completions: {
      getCompletionsAtPositionForTslab: (
        _host: object,
        program: TypeScript.Program,
        _log: unknown,
        file: TypeScript.SourceFile,
        position: number,
      ) => ({ entries: [], candidates: candidatesAt(program, completionHost(program), file, position) }),
    },
    // The converter turns its ES module into CommonJS with this; cells get their own form later (cellFunction.ts).
    transpileModule: (text: string) => ({ outputText: text }),
  };
  const typescript = Object.create(ts, {
    ...Object.fromEntries(
      Object.entries(additions).map(([name, value]) => [name, { value, enumerable: true, configurable: true }]),
    ),
  }) as object;
  // tslab copies own enumerable properties (__importStar), so the inherited ones must be own getters.
  for (const name of Object.keys(ts)) {
    if (name in additions) continue;
    Object.defineProperty(typescript, name, {
      enumerable: true,
      configurable: true,
      get: () => (ts as unknown as Record<string, unknown>)[name],
    });
  }
  return {
    typescript,
    withoutTypeErrors(convert) {
      syntaxOnly = true;
      try {
        return convert();
      } finally {
        syntaxOnly = false;
      }
    },
    takeEmitted() {
      const taken = emitted;
      emitted = { sourceMap: "", declarations: "", sideModules: {} };
      return taken;
    },
  };
}

type EmitForced = (
  file: TypeScript.SourceFile | undefined,
  write: TypeScript.WriteFileCallback,
  cancellation: TypeScript.CancellationToken | undefined,
  only: boolean | undefined,
  transformers: TypeScript.CustomTransformers,
  forceDtsEmit: boolean,
) => TypeScript.EmitResult;

/** The compiler options of a cell: strict, modern, bundler resolution; tslab's own where they do not matter. */
function compilerOptions(given: TypeScript.CompilerOptions, cwd: string): TypeScript.CompilerOptions {
  const { disableTopLevelAwait: _, noImplicitUseStrict: __, ...rest } = given;
  return {
    ...rest,
    target: ts.ScriptTarget.ES2024,
    lib: [STANDARD_LIBRARY],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    strict: true,
    sourceMap: true,
    rootDir: "/",
    // Nothing is written; completion wants to know by an absolute path where that would be.
    outDir: "/outDir",
    types: ["node", "tunelab-kernel"],
    typeRoots: foldersUpFrom(cwd).map((folder) => join(folder, "node_modules/@types")),
    experimentalDecorators: false,
  };
}

/** The folder and those above it: inside a project, Node's types lie in the project's node_modules. */
function foldersUpFrom(folder: string): string[] {
  const above = dirname(folder);
  return above === folder ? [folder] : [folder, ...foldersUpFrom(above)];
}

/** `import "./util.ts"`, as Node and Deno write it. */
const TS_EXTENSION = 5097;
/** A package without types, which a notebook has no place to declare: its values are `any`. */
const UNTYPED_PACKAGE = 7016;
const allowed = new Set([IMPORT_EQUALS_IN_MODULE, TS_EXTENSION, UNTYPED_PACKAGE]);

function diagnosticsOf(
  program: TypeScript.Program,
  sources: TypeScript.SourceFile[],
  syntaxOnly: boolean,
): TypeScript.Diagnostic[] {
  return sources
    .flatMap((file) => {
      const syntactic = program.getSyntacticDiagnostics(file);
      return syntactic.length > 0 || syntaxOnly ? [...syntactic] : [...program.getSemanticDiagnostics(file)];
    })
    .filter(
      ({ code, file }) => !allowed.has(code) || !(file?.fileName.endsWith(`/${CELL_FILE}.ts`) || code === TS_EXTENSION),
    )
    .map((diagnostic) => ({
      ...diagnostic,
      messageText: withWayOut(diagnostic, program),
    }));
}
