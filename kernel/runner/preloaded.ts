/** The preloaded library's values: loaded in the background, and one clear error when that failed. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import type { Preload } from "../preload.js";

export class Preloaded {
  /** Resolves when loading has ended, well or not. */
  readonly ready: Promise<void>;
  readonly #values = new Map<string, () => unknown>();
  #failure: unknown;

  constructor(preload: Preload) {
    this.ready = this.#load(preload).catch((error: unknown) => {
      this.#failure = error;
    });
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

  async #load(preload: Preload): Promise<void> {
    for (const { specifier, namespace } of preload.modules) {
      const module: Record<string, unknown> = await importFrom(preload, specifier);
      if (namespace !== undefined) {
        this.#values.set(namespace, () => module);
        continue;
      }
      for (const name of Object.keys(module)) this.#values.set(name, () => module[name]);
    }
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
