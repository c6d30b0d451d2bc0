/** Where packages lie on this machine. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The folder of the package that code in `from` would get by that name. */
export function findPackage(from: string, name: string): string | undefined {
  for (let directory = from; ; directory = dirname(directory)) {
    const candidate = join(directory, "node_modules", name);
    if (existsSync(candidate)) return candidate;
    if (directory === dirname(directory)) return undefined;
  }
}
