/** The kernelspecs of this package that a Jupyter may find, and whether what they start is still there. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { KernelSpec } from "../spec.js";

export interface InstalledSpec {
  folder: string;
  /** The first program or file of its command that is gone; undefined when the kernel can start. */
  gone: string | undefined;
}

/** kernel.json of a kernelspec of this package, whichever checkout wrote it; undefined for any other folder. */
export function readOurs(folder: string): KernelSpec | undefined {
  try {
    const spec = JSON.parse(readFileSync(join(folder, "kernel.json"), "utf8")) as KernelSpec;
    return spec.argv.some((word) => /dist\/kernel\/main\.c?js$/.test(word.replaceAll("\\", "/"))) ? spec : undefined;
  } catch {
    return undefined;
  }
}

/** Those below the folders, of any name. */
export function installedSpecs(folders: readonly string[]): InstalledSpec[] {
  return [...new Set(folders)].flatMap((kernels) =>
    namesIn(kernels).flatMap((name) => {
      const folder = join(kernels, name);
      const spec = readOurs(folder);
      if (spec === undefined) return [];
      return [{ folder, gone: spec.argv.slice(0, 2).find((path) => !existsSync(path)) }];
    }),
  );
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
