/**
 * The preloaded names, of which a program is told only when a cell mentions one: the library, tfjs and arquero are
 * three quarters of all the files that TypeScript would otherwise go through for every cell.
 */
import type { Preload } from "../preload.js";
import { exportNames } from "./exportNames.js";

/** What the next cell may use: declarations of cells, and preloaded names that no cell has used or replaced. */
export interface Known {
  readonly declarations: string;
  readonly unused: readonly string[];
}

const IDENTIFIER = /[\p{ID_Start}$_][\p{ID_Continue}$]*/gu;

export class PreloadedNames {
  readonly #names = new Map<string, { specifier: string; declaration: string }>();

  constructor({ modules, packageRoot }: Preload) {
    for (const { specifier, namespace } of modules) {
      if (namespace !== undefined) {
        this.#names.set(namespace, { specifier, declaration: `import * as ${namespace} from "${specifier}";\n` });
        continue;
      }
      for (const name of exportNames(packageRoot)) {
        this.#names.set(name, { specifier, declaration: `import { ${name} } from "${specifier}";\n` });
      }
    }
  }

  /** Before the first cell. */
  get initial(): Known {
    return { declarations: "", unused: [...this.#names.keys()] };
  }

  /** The same with declarations of the unused names that a source mentions; of all of them without a source. */
  declare(known: Known, source?: string): Known {
    const mentioned = source === undefined ? new Set(known.unused) : identifiers(source);
    const names = known.unused.filter((name) => mentioned.has(name));
    if (names.length === 0) return known;
    return {
      declarations: names.map((name) => this.#names.get(name)?.declaration).join("") + known.declarations,
      unused: known.unused.filter((name) => !mentioned.has(name)),
    };
  }

  /** Modules whose names a source mentions: what it uses of them has to be there when it runs. */
  modules(source: string): string[] {
    const specifiers = [...identifiers(source)].map((name) => this.#names.get(name)?.specifier);
    return [...new Set(specifiers.filter((specifier) => specifier !== undefined))];
  }
}

function identifiers(source: string): ReadonlySet<string> {
  return new Set(source.match(IDENTIFIER));
}
