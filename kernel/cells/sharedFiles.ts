/**
 * What TypeScript has read of its libraries and of the kernel's packages: the same for every notebook, so that it can be
 * read ahead and kept in a snapshot.
 */
import type { Description } from "./completion.js";
import type { TypeScript } from "./typescript.js";

export class SharedFiles {
  /** By path; undefined for one that is not there. */
  readonly sources = new Map<string, TypeScript.SourceFile | undefined>();
  /** Which package each file lies in: filled and read by TypeScript, see typescriptSource.ts. */
  readonly options = new Map<string, unknown>();
  /** What completion says of preloaded names, by the folder of their package. */
  readonly descriptions: Record<string, Record<string, Description>> = {};
  /** Which files their imports mean. Undefined until there is a program. */
  resolutions: TypeScript.ModuleResolutionCache | undefined;

  /** The names of the packages that the files belong to. */
  get packages(): string[] {
    const names = [...this.sources.keys()].map((path) => /^\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]);
    return [...new Set(names)].filter((name) => name !== undefined);
  }

  /** The same files for a notebook whose own packages may take the place of some that they import. */
  withoutResolutions(): SharedFiles {
    const shared = new SharedFiles();
    for (const [path, source] of this.sources) shared.sources.set(path, source);
    return shared;
  }
}
