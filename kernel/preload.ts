/** What every notebook has without importing it: the library's public names, tfjs and arquero. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export interface PreloadedModule {
  specifier: string;
  /** The name of the module's namespace in cells; undefined when its exports are names of their own. */
  namespace?: string;
}

export interface Preload {
  /** The package whose exports are preloaded; TUNELAB_PRELOAD names another, an empty string none. */
  packageName: string;
  packageRoot: string;
  modules: PreloadedModule[];
}

/** The directory of this package: where package.json and node_modules are. */
export const packageRoot = findPackageRoot(dirname(fileURLToPath(import.meta.url)));

export function readPreload(environment: Readonly<Record<string, string | undefined>> = process.env): Preload {
  const other = environment.TUNELAB_PRELOAD;
  if (other === "") return { packageName: "tunelab", packageRoot, modules: [] };
  if (other !== undefined) {
    const { name } = JSON.parse(readFileSync(join(other, "package.json"), "utf8")) as { name: string };
    return { packageName: name, packageRoot: other, modules: [{ specifier: name }] };
  }
  return {
    packageName: "tunelab",
    packageRoot,
    modules: [
      // In the order in which they load: the library needs tfjs, and a cell may need tfjs alone.
      { specifier: "@tensorflow/tfjs", namespace: "tf" },
      { specifier: "tunelab" },
      { specifier: "arquero", namespace: "aq" },
    ],
  };
}

function findPackageRoot(from: string): string {
  for (let directory = from; ; directory = dirname(directory)) {
    if (existsSync(join(directory, "package.json"))) return directory;
    if (directory === dirname(directory)) throw new Error(`No package.json above ${from}.`);
  }
}
