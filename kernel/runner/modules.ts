/**
 * Modules as cells see them: from the notebook's directory first, from the kernel's packages second, local .ts files
 * compiled by the kernel. Everything is loaded through real import(), so packages that are ESM only work.
 */

import { existsSync, statSync } from "node:fs";
import { createRequire, isBuiltin, Module } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import vm from "node:vm";
import type { SideModule } from "../cells/sideModules.js";
import type { Preload } from "../preload.js";
import { displayBundle } from "./display.js";
import { registerCell } from "./errors.js";
import { importFrom } from "./preloaded.js";
import { isIncomplete, isMissing, isPath, notFound, uncompiled } from "./specifiers.js";
import { createTslab } from "./tslabCompatibility.js";

type Namespace = Record<string, unknown>;

/** Module has these at run time, not in its types. */
interface CompilableModule extends NodeJS.Module {
  _compile(code: string, filename: string): unknown;
}

const tslab = createTslab(displayBundle);

export class CellModules {
  readonly require: NodeJS.Require;
  readonly meta: ImportMeta;
  readonly #cwd: string;
  readonly #preload: Preload;
  readonly #fromNotebook: NodeJS.Require;
  readonly #fromKernel = createRequire(import.meta.url);
  readonly #importFromNotebook: (specifier: string) => Promise<Namespace>;
  readonly #loaded = new Map<string, Namespace>();
  readonly #sideSources = new Map<string, SideModule>();
  readonly #sideModules = new Map<string, unknown>();
  /** The local sources that are files. */
  readonly #files = new Set<string>();
  /** Names of packages by which local files were imported. */
  readonly #sidePackages = new Set<string>();
  /** Local JSON files that were read, and the time of the version that was. */
  readonly #json = new Map<string, number>();

  constructor(cwd: string, preload: Preload) {
    this.#cwd = cwd;
    this.#preload = preload;
    const anchor = join(cwd, "notebook.js");
    this.#fromNotebook = createRequire(anchor);
    this.#importFromNotebook = vm.runInThisContext("(specifier) => import(specifier)", {
      filename: anchor,
      importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    }) as (specifier: string) => Promise<Namespace>;
    this.require = this.#requireFrom(cwd, this.#fromNotebook);
    this.meta = {
      url: pathToFileURL(anchor).href,
      filename: anchor,
      dirname: cwd,
      resolve: (specifier: string) => this.#resolve(specifier),
    } as ImportMeta;
  }

  #resolve(specifier: string): string {
    if (isBuiltin(specifier)) return specifier.startsWith("node:") ? specifier : `node:${specifier}`;
    for (const require of [this.#fromNotebook, this.#fromKernel]) {
      try {
        return pathToFileURL(require.resolve(specifier)).href;
      } catch (error) {
        if (!isMissing(error, specifier)) throw error;
      }
    }
    throw notFound(specifier);
  }

  /** Takes newly compiled local files; older versions of them are forgotten. */
  addSideModules(sources: Record<string, SideModule>): void {
    for (const [path, source] of Object.entries(sources)) {
      this.#sideSources.set(path, source);
      registerCell(path, source.name, source.lines);
      const file = resolve(this.#cwd, source.name);
      if (existsSync(file)) this.#files.add(file);
      this.#forgetLocal();
    }
  }

  /** What imported an older version of a local file must see the new one. */
  #forgetLocal(): void {
    this.#sideModules.clear();
    for (const specifier of this.#loaded.keys()) {
      if (isPath(specifier) || this.#sidePackages.has(specifier)) this.#loaded.delete(specifier);
    }
  }

  /** Forgets JSON files that have changed, before a cell imports. */
  lookAgain(): void {
    for (const [path, time] of this.#json) {
      if (modifiedAt(path) === time) continue;
      this.#json.delete(path);
      delete this.#fromNotebook.cache[path];
      this.#forgetLocal();
    }
  }

  /** A module that `import` has loaded. */
  loaded(specifier: string): Namespace {
    const module = this.#loaded.get(specifier);
    if (module === undefined) throw new Error(`Module "${specifier}" was not loaded.`);
    return module;
  }

  async import(specifier: string): Promise<Namespace> {
    const known = this.#loaded.get(specifier);
    if (known !== undefined) return known;
    const module = await this.#import(String(specifier));
    this.#loaded.set(specifier, module);
    return module;
  }

  async #import(specifier: string): Promise<Namespace> {
    if (specifier === "tslab") return withDefault(tslab);
    if (isBuiltin(specifier)) return await import(specifier);
    const side = this.#side(this.#cwd, specifier);
    if (side !== undefined) return withDefault(side.exports);
    if (specifier.endsWith(".json")) return withDefault(this.require(specifier));
    let module: Namespace;
    try {
      module = await this.#importFromNotebook(specifier);
    } catch (error) {
      if (!isMissing(error, specifier)) return await this.#importAsRequired(specifier, error);
      try {
        module = await importFrom(this.#preload, specifier);
      } catch (second) {
        throw isMissing(second, specifier) ? notFound(specifier) : second;
      }
    }
    return this.#asCommonJs(specifier) ?? module;
  }

  /**
   * Names that only require() completes, as "lodash/get" or "./plain"; and sources that lie in this project, whatever
   * package they belong to. `error` is what import() has said, and stands when neither is the case.
   */
  async #importAsRequired(specifier: string, error: unknown): Promise<Namespace> {
    if (!isIncomplete(error)) throw error;
    const source = isPath(specifier) ? uncompiled(this.#cwd, specifier) : undefined;
    if (source !== undefined) throw source;
    let url: string;
    try {
      url = this.#resolve(specifier);
    } catch {
      throw error;
    }
    const side = this.#side(this.#cwd, fileURLToPath(url));
    if (side === undefined) {
      const module = await this.#importFromNotebook(url);
      return this.#asCommonJs(specifier) ?? module;
    }
    this.#sidePackages.add(specifier);
    return withDefault(side.exports);
  }

  /** CommonJS packages through their own exports, of which import() sees only the names that it can guess. */
  #asCommonJs(specifier: string): Namespace | undefined {
    for (const require of [this.#fromNotebook, this.#fromKernel]) {
      let path: string;
      try {
        path = require.resolve(specifier);
      } catch {
        continue;
      }
      const cached = this.#fromKernel.cache[path];
      // require(esm) leaves namespaces in the same cache.
      if (cached?.loaded && Object.prototype.toString.call(cached.exports) !== "[object Module]") {
        return withDefault(cached.exports);
      }
    }
    return undefined;
  }

  #side(from: string, specifier: string): { exports: unknown } | undefined {
    if (!isPath(specifier)) return undefined;
    const base = resolve(from, specifier).replace(/\.[cm]?[jt]sx?$/, "");
    for (const path of [`${base}.js`, join(base, "index.js")]) {
      const source = this.#sideSources.get(path);
      if (source === undefined || this.#isGone(source)) continue;
      if (this.#sideModules.has(path)) return { exports: this.#sideModules.get(path) };
      const module = new Module(path) as CompilableModule;
      module.filename = path;
      module.paths = this.#fromNotebook.resolve.paths("x") ?? [];
      module.require = this.#requireFrom(dirname(path), createRequire(path));
      this.#sideModules.set(path, module.exports);
      compile(module, source);
      this.#sideModules.set(path, module.exports);
      return { exports: module.exports };
    }
    return undefined;
  }

  #requireFromKernel(specifier: string): unknown {
    try {
      return this.#fromKernel(specifier);
    } catch (error) {
      // Node's own words would name the kernel's files as what asks for it.
      throw isMissing(error, specifier) ? notFound(specifier, "MODULE_NOT_FOUND") : error;
    }
  }

  /** A file that was removed may have given its name to another; what a cell said with `@module` was never one. */
  #isGone({ name }: SideModule): boolean {
    const file = resolve(this.#cwd, name);
    return this.#files.has(file) && !existsSync(file);
  }

  #sideOfPackage(own: NodeJS.Require, specifier: string): { exports: unknown } | undefined {
    if (isPath(specifier) || isBuiltin(specifier)) return undefined;
    try {
      const path = own.resolve(specifier);
      return /\.[cm]?tsx?$/.test(path) ? this.#side(this.#cwd, path) : undefined;
    } catch {
      return undefined;
    }
  }

  #requireFrom(directory: string, own: NodeJS.Require): NodeJS.Require {
    const require = (specifier: string): unknown => {
      if (specifier === "tslab") return tslab;
      const side = this.#side(directory, specifier) ?? this.#sideOfPackage(own, specifier);
      if (side !== undefined) return side.exports;
      if (isPath(specifier) && specifier.endsWith(".json")) {
        const path = resolve(directory, specifier);
        this.#json.set(path, modifiedAt(path));
      }
      try {
        return own(specifier);
      } catch (error) {
        if (!isMissing(error, specifier)) throw error;
        return this.#requireFromKernel(specifier);
      }
    };
    return Object.assign(require, {
      resolve: own.resolve,
      cache: own.cache,
      main: own.main,
      extensions: own.extensions,
    });
  }
}

function modifiedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function compile(module: CompilableModule, { name, code }: SideModule): void {
  try {
    module._compile(code, module.filename);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_REQUIRE_ASYNC_MODULE") throw error;
    throw new Error(`${name} awaits at its top level, which only cells can. Export a promise or an async function.`);
  }
}

/** An import of a CommonJS module: its exports as names, and itself as default unless it says otherwise. */
function withDefault(exports: unknown): Namespace {
  if ((typeof exports !== "object" && typeof exports !== "function") || exports === null) return { default: exports };
  if ((exports as Namespace).__esModule) return exports as Namespace;
  const descriptors = Object.getOwnPropertyDescriptors(exports) as Record<string, PropertyDescriptor>;
  if (typeof exports === "function") {
    for (const name of ["length", "name", "prototype", "arguments", "caller"]) delete descriptors[name];
  }
  const prototype = (typeof exports === "function" ? null : Object.getPrototypeOf(exports)) as object | null;
  return Object.create(prototype, {
    ...descriptors,
    default: { value: exports, enumerable: true, configurable: true },
  }) as Namespace;
}
