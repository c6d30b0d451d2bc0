/**
 * Evaluates CommonJS files by hand. What goes into a V8 snapshot must not pass through Node's own loader, and some of
 * these files are to get other modules than they ask for.
 */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import vm from "node:vm";

type Evaluate = (
  exports: unknown,
  require: (name: string) => unknown,
  module: object,
  path: string,
  folder: string,
) => void;

export class CommonJsFiles {
  /** By name: what a file gets for it, instead of Node's module or another file. */
  readonly #given: Readonly<Record<string, unknown>>;
  readonly #modules = new Map<string, { exports: unknown }>();

  constructor(given: Readonly<Record<string, unknown>> = {}) {
    this.#given = given;
  }

  /** The exports of the file at `path`, whose text is `source` where that is not the file's own. */
  load(path: string, source = readFileSync(path, "utf8")): unknown {
    const known = this.#modules.get(path);
    if (known !== undefined) return known.exports;
    const module = { exports: {} as unknown };
    this.#modules.set(path, module);
    const text = `(function (exports, require, module, __filename, __dirname) {${source}\n})`;
    const evaluate = vm.runInThisContext(text, { filename: path }) as Evaluate;
    evaluate(module.exports, (name) => this.#require(name, path), module, path, dirname(path));
    return module.exports;
  }

  #require(name: string, from: string): unknown {
    if (Object.hasOwn(this.#given, name)) return this.#given[name];
    if (name.startsWith(".")) return this.load(`${resolve(dirname(from), name).replace(/\.js$/, "")}.js`);
    const builtin = process.getBuiltinModule(name) as unknown;
    if (builtin === undefined) throw new Error(`${from} asks for the module "${name}", which it is not given.`);
    return builtin;
  }
}
