/**
 * Files that seem to lie in node_modules at the root of the file system, above every notebook: the preloaded library, the
 * kernel's packages, and the declarations of the kernel's own globals. With them every cell is typed in an empty
 * directory, an inferred type can always be named by package, and what TypeScript has read of them is good for a notebook
 * anywhere. So do TypeScript's own libraries in one file. A package of that name in the notebook's directory or above comes first, as for Node.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import { GLOBALS_DECLARATION } from "./globals.js";
import { findPackage } from "./packages.js";
import { standardLibrary } from "./standardLibrary.js";
import type { TypeScript } from "./typescript.js";
import { typescriptPath } from "./typescriptSource.js";

/** What the language has: es2024, and `using`. */
const LIBRARIES = ["lib.es2024.d.ts", "lib.esnext.disposable.d.ts"];

const MODULES = "/node_modules";
const GLOBALS = `${MODULES}/@types/tunelab-kernel`;

export class VirtualFiles {
  readonly #cwd: string;
  readonly #packageName: string;
  readonly #packageRoot: string;
  readonly #homes = new Map<string, Home | undefined>();
  readonly #manifest: string;
  readonly #texts: ReadonlyMap<string, string>;
  readonly #folders: ReadonlySet<string>;
  /** Packages that notebooks may import from the kernel. */
  readonly #offered: readonly string[];

  constructor(options: { cwd: string; packageName: string; packageRoot: string }) {
    this.#cwd = options.cwd;
    this.#packageName = options.packageName;
    this.#packageRoot = options.packageRoot;
    this.#manifest = join(MODULES, options.packageName, "package.json");
    this.#texts = new Map([
      ...standardLibrary(dirname(typescriptPath), LIBRARIES),
      [`${GLOBALS}/package.json`, JSON.stringify({ name: "@types/tunelab-kernel", types: "index.d.ts" })],
      [`${GLOBALS}/index.d.ts`, GLOBALS_DECLARATION],
    ]);
    this.#offered = [options.packageName, ...dependenciesOf(options.packageRoot)];
    this.#folders = new Set([MODULES, `${MODULES}/@types`, GLOBALS]);
  }

  /** Replaces the file functions of `system` with ones that see the virtual files. */
  install(system: TypeScript.System): void {
    const given = {
      fileExists: system.fileExists.bind(system),
      readFile: system.readFile.bind(system),
      directoryExists: system.directoryExists.bind(system),
      realpath: system.realpath?.bind(system) ?? ((path: string) => path),
      getDirectories: system.getDirectories.bind(system),
      readDirectory: system.readDirectory.bind(system),
    };
    system.fileExists = (path) => this.#texts.has(path) || given.fileExists(this.locate(path));
    system.readFile = (path, encoding) => {
      const text = this.#texts.get(path) ?? given.readFile(this.locate(path), encoding);
      return text !== undefined && path === this.#manifest ? openManifest(text) : text;
    };
    system.directoryExists = (path) =>
      this.#folders.has(path) || given.directoryExists(this.locate(path)) || this.#offeredIn(path).length > 0;
    // These two only completion asks.
    system.getDirectories = (path) => [
      ...new Set([...given.getDirectories(this.locate(path)), ...this.#offeredIn(path)]),
    ];
    system.readDirectory = (path, ...rest) => {
      const real = this.locate(path);
      return given.readDirectory(real, ...rest).map((file) => path + file.slice(real.length));
    };
    system.realpath = (path) => (this.isOfKernel(path) ? path : given.realpath(this.locate(path)));
  }

  /** Whether a path stands for the same file whichever notebook asks: one of the kernel's packages. */
  isOfKernel(path: string): boolean {
    return this.#texts.has(path) || this.#split(path)?.home?.own === false;
  }

  /** Whether the notebook has a package of its own in the place of one of the kernel's. */
  replaces(name: string): boolean {
    return this.#home(name)?.own === true;
  }

  /** Where a person finds the file; undefined for one that seems to be there only. */
  place(path: string): string | undefined {
    return this.#texts.has(path) ? undefined : this.locate(path);
  }

  /** The real file behind a path. */
  locate(path: string): string {
    const { home, name, rest } = this.#split(path) ?? {};
    if (home === undefined || rest === undefined) return this.#isTwin(path) ? `${path}/\0` : path;
    // A dependency of the library must be the same file as the package of that name in the notebook.
    if (name === this.#packageName && rest.startsWith("/node_modules/")) return `${path}/\0`;
    return home.folder + rest;
  }

  /** The kernel's packages that seem to lie in a folder: the virtual one, or that of a scope in it. */
  #offeredIn(folder: string): string[] {
    const path = folder.replace(/\/$/, "");
    if (path === MODULES) return this.#offered.map((name) => name.split("/")[0] ?? name);
    if (!path.startsWith(`${MODULES}/@`)) return [];
    const scope = `${path.slice(MODULES.length + 1)}/`;
    return this.#offered.filter((name) => name.startsWith(scope)).map((name) => name.slice(scope.length));
  }

  /** A path below the virtual folder: its package, and where that is. */
  #split(path: string): { name: string; rest: string; home: Home | undefined } | undefined {
    if (!path.startsWith(`${MODULES}/`)) return undefined;
    const [, name, rest] = /^((?:@[^/]+\/)?[^/]+)(.*)$/.exec(path.slice(MODULES.length + 1)) ?? [];
    return name === undefined || rest === undefined ? undefined : { name, rest, home: this.#home(name) };
  }

  /**
   * For a notebook inside the kernel's own folder: what is to be known by its virtual path alone. Without its manifest the
   * folder is no package, of which cells would be a part.
   */
  #isTwin(path: string): boolean {
    if (!`${this.#cwd}/`.startsWith(`${this.#packageRoot}/`)) return false;
    if (path === `${this.#packageRoot}/package.json`) return true;
    const folder = `${this.#packageRoot}/node_modules/`;
    if (!path.startsWith(folder)) return false;
    const [name = ""] = /^(?:@[^/]+\/)?[^/]+/.exec(path.slice(folder.length)) ?? [];
    // TypeScript's libraries are found beside TypeScript.
    return name !== "typescript" && this.#home(name)?.folder === folder + name;
  }

  #home(name: string): Home | undefined {
    if (this.#homes.has(name)) return this.#homes.get(name);
    const given = name === this.#packageName ? this.#packageRoot : findPackage(this.#packageRoot, name);
    const found = findPackage(this.#cwd, name);
    const own = found !== undefined && found !== given;
    const folder = own ? found : given;
    // A package that neither has may be installed later, so only what was found is remembered.
    if (folder === undefined) return undefined;
    const home = { folder, own };
    this.#homes.set(name, home);
    return home;
  }
}

interface Home {
  folder: string;
  /** It is the notebook's. */
  own: boolean;
}

/**
 * The library's package.json with every module of it importable for types: what a cell infers may need a type that the
 * library does not export by name, and a type that cannot be named would be `any` in the next cell.
 */
function openManifest(text: string): string {
  const manifest = JSON.parse(text) as { exports?: Record<string, unknown> };
  if (manifest.exports !== undefined) manifest.exports["./*.js"] = { types: "./*.d.ts", default: "./*.js" };
  return JSON.stringify(manifest);
}

function dependenciesOf(packageRoot: string): string[] {
  const manifest = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as { dependencies?: object };
  return Object.keys(manifest.dependencies ?? {});
}
