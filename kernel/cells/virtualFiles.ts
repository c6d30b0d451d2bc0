/**
 * Files that a notebook's directory seems to have: the preloaded library, the packages of the kernel where the
 * notebook has none of that name, and the declarations of the kernel's own globals. With them every cell is typed in an
 * empty directory, and an inferred type can always be named by package.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import { GLOBALS_DECLARATION } from "./globals.js";
import type { TypeScript } from "./typescript.js";

const NODE_TYPES = "@types/node";

export class VirtualFiles {
  readonly #cwd: string;
  readonly #modules: string;
  readonly #packageName: string;
  readonly #packageRoot: string;
  readonly #homes = new Map<string, string | undefined>();
  readonly #manifest: string;
  readonly #texts: ReadonlyMap<string, string>;

  constructor(options: { cwd: string; packageName: string; packageRoot: string }) {
    this.#cwd = options.cwd;
    this.#modules = join(options.cwd, "node_modules");
    this.#packageName = options.packageName;
    this.#packageRoot = options.packageRoot;
    this.#manifest = join(this.#modules, options.packageName, "package.json");
    const globals = join(this.#modules, "@types/tunelab-kernel");
    this.#texts = new Map([
      [join(globals, "package.json"), JSON.stringify({ name: "@types/tunelab-kernel", types: "index.d.ts" })],
      [join(globals, "index.d.ts"), GLOBALS_DECLARATION],
    ]);
  }

  /** Replaces the file functions of `system` with ones that see the virtual files. */
  install(system: TypeScript.System): void {
    const given = {
      fileExists: system.fileExists.bind(system),
      readFile: system.readFile.bind(system),
      directoryExists: system.directoryExists.bind(system),
      realpath: system.realpath?.bind(system) ?? ((path: string) => path),
    };
    system.fileExists = (path) => this.#texts.has(path) || given.fileExists(this.locate(path));
    system.readFile = (path, encoding) => {
      const text = this.#texts.get(path) ?? given.readFile(this.locate(path), encoding);
      return text !== undefined && path === this.#manifest ? openManifest(text) : text;
    };
    system.directoryExists = (path) => {
      if (path === this.#modules || path === `${this.#modules}/@types`) return true;
      for (const text of this.#texts.keys()) if (dirname(text) === path) return true;
      return given.directoryExists(this.locate(path));
    };
    system.realpath = (path) => (this.#isVirtual(path) ? path : given.realpath(path));
  }

  /** The real file behind a path inside the notebook's node_modules. */
  locate(path: string): string {
    if (!path.startsWith(`${this.#modules}/`)) return path;
    const [, name, rest] = /^((?:@[^/]+\/)?[^/]+)(.*)$/.exec(path.slice(this.#modules.length + 1)) ?? [];
    if (name === undefined || rest === undefined) return path;
    const home = this.#home(name);
    if (home === undefined) return path;
    // A dependency of the library must be the same file as the package of that name in the notebook.
    if (name === this.#packageName && rest.startsWith("/node_modules/")) return `${path}/\0`;
    return home + rest;
  }

  #isVirtual(path: string): boolean {
    return this.#texts.has(path) || this.locate(path) !== path;
  }

  /** Where the kernel has the package, unless the notebook's directory or one above it has its own. */
  #home(name: string): string | undefined {
    if (this.#homes.has(name)) return this.#homes.get(name);
    const own = findPackage(this.#cwd, name);
    const given = name === this.#packageName ? this.#packageRoot : findPackage(this.#packageRoot, name);
    // The compiler looks for node's types beside the notebook only, so there they must be, wherever they come from.
    const home = name === NODE_TYPES ? (own ?? given) : own === undefined ? given : undefined;
    // A package that neither has may be installed later, so only what was found is remembered.
    if (home !== undefined) this.#homes.set(name, home);
    return home;
  }
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

function findPackage(from: string, name: string): string | undefined {
  for (let directory = from; ; directory = dirname(directory)) {
    const candidate = join(directory, "node_modules", name);
    if (existsSync(candidate)) return candidate;
    if (directory === dirname(directory)) return undefined;
  }
}
