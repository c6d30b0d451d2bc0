/** The preloaded modules' values: loaded in the background, and one clear error when that failed. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import type { Preload, PreloadedModule } from "../preload.js";

export class Preloaded {
  /** By specifier: resolves when its loading has ended, well or not. */
  readonly #ended = new Map<string, Promise<void>>();
  readonly #values = new Map<string, () => unknown>();
  #failure: unknown;

  constructor(preload: Preload) {
    // One after the other, so that a cell that needs the first need not wait for all.
    let last: Promise<unknown> = Promise.resolve();
    for (const module of preload.modules) {
      const ended = last
        .then(() => this.#load(preload, module))
        .catch((error: unknown) => {
          this.#failure ??= error;
        });
      this.#ended.set(module.specifier, ended);
      last = ended;
    }
  }

  /** Waits for modules to be loaded. */
  async loaded(specifiers: readonly string[]): Promise<void> {
    for (const specifier of specifiers) await this.#ended.get(specifier);
  }

  /** The preloaded value of that name, undefined when there is none. */
  get(name: string): unknown {
    const value = this.#values.get(name);
    if (value !== undefined) return value();
    if (this.#failure !== undefined) {
      const reason = this.#failure instanceof Error ? this.#failure.message : inspect(this.#failure);
      throw new Error(`"${name}" is not available: the preloaded library could not be loaded. ${reason}`, {
        cause: this.#failure,
      });
    }
    return undefined;
  }

  async #load(preload: Preload, { specifier, namespace }: PreloadedModule): Promise<void> {
    // As the library has it, which may do more than the module itself.
    const part = namespace === undefined ? specifier : `${preload.packageName}/${namespace}`;
    const module = await importFrom(preload, part);
    if (namespace !== undefined) this.#values.set(namespace, () => module);
    else for (const name of Object.keys(module)) this.#values.set(name, () => module[name]);
  }
}

/** Imports a module as the library would; the library itself, and its parts, by its own name. */
export async function importFrom(preload: Preload, specifier: string): Promise<Record<string, unknown>> {
  if (!isPartOf(preload, specifier)) return await import(specifier);
  const fromLibrary = createRequire(pathToFileURL(join(preload.packageRoot, "package.json")));
  return await import(pathToFileURL(fromLibrary.resolve(specifier)).href);
}

function isPartOf(preload: Preload, specifier: string): boolean {
  return specifier === preload.packageName || specifier.startsWith(`${preload.packageName}/`);
}
