/** The kernel's three programs, each in one file: Node starts one file in a fraction of the time that it takes for fifty. */
import { writeFileSync } from "node:fs";
import { inRoot } from "./paths.mjs";

const PROGRAMS = ["kernel/main", "kernel/runner/main", "kernel/cells/process"];

/** Writes dist/<program>.cjs beside what the TypeScript compiler wrote, and a short copy of TypeScript for the cells. */
export async function bundle() {
  // Only here: this module is read before any package is installed.
  const { build, transform } = await import("esbuild");
  await build({
    entryPoints: PROGRAMS.map((program) => ({ in: inRoot(`dist/${program}.js`), out: program })),
    outdir: inRoot("dist"),
    outExtension: { ".js": ".cjs" },
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node20",
    packages: "external",
    define: { "import.meta.url": "__importMetaUrl" },
    banner: { js: 'const __importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
    logLevel: "warning",
  });
  const { changedTypescript, shortTypescriptPath } = await import(inRoot("dist/kernel/cells/typescriptSource.js"));
  const short = { minifyWhitespace: true, minifySyntax: true, platform: "node", target: "node20" };
  const { code } = await transform(changedTypescript(), /** @type {import("esbuild").TransformOptions} */ (short));
  writeFileSync(shortTypescriptPath, code);
}
