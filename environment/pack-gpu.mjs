/**
 * Packs what the GPU tests need into build/gpu: this Node, the tests and the library as bundles, mocha, bitsandbytes, the
 * addon built for one architecture. A machine with a GPU, its driver, cuBLASLt and Python with torch, transformers and peft
 * needs nothing else: `build/gpu/run.sh`. What other peers need is packed by pack-gpu-peers.mjs.
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { build } from "esbuild";
import { packFolder } from "./archive.mjs";
import { compileCuda, cudaAddon } from "./cuda.mjs";
import { unpackWheels } from "./gpu-python.mjs";
import { inRoot } from "./paths.mjs";
import { say } from "./terminal.mjs";

const target = inRoot("build/gpu");
const staged = inRoot("build/gpu-staged");
const tests = inRoot("tests/gpu");

/** Builds the addon for `archs` and packs it with all that runs the tests. */
export async function packGpu(archs = "90a-real") {
  await compileCuda(archs);
  for (const folder of [target, staged]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
  await bundles();
  cpSync(process.execPath, join(staged, "node"));
  const addonFolder = dirname(inRoot(cudaAddon));
  for (const file of readdirSync(addonFolder)) {
    if (file === basename(cudaAddon) || /^libscipy_openblas.*\.so/.test(file))
      cpSync(join(addonFolder, file), join(staged, file));
  }
  for (const file of readdirSync(tests)) if (file.endsWith(".py")) cpSync(join(tests, file), join(staged, file));
  for (const name of ["mocha", "jasmine-core"]) copyPackage(name, inRoot("node_modules"));
  // What the library finds through its package's folder.
  for (const path of ["package.json", "notebooks/embedded/model", "notebooks/embedded/data"])
    cpSync(inRoot(path), join(staged, path), { recursive: true });
  const pins = readFileSync(inRoot("environment/requirements-peers.txt"), "utf8");
  const bitsandbytes = /^bitsandbytes==.*$/m.exec(pins)?.[0] ?? "bitsandbytes";
  await unpackWheels([bitsandbytes], join(staged, "python"));
  await packFolder(staged, join(target, "bundle.tar.xz"));
  cpSync(join(tests, "run.sh"), join(target, "run.sh"));
  rmSync(staged, { recursive: true });
  say("On the GPU's machine: sh build/gpu/run.sh");
}

/** All tests of ops in one file, for they share one report; those of the whole library, and the scripts beside them. */
async function bundles() {
  const specs = readdirSync(tests).filter((file) => file.endsWith(".test.ts"));
  const common = /** @type {const} */ ({
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "warning",
    absWorkingDir: inRoot("."),
  });
  const ofLibrary = (/** @type {string} */ file) => file.startsWith("library");
  // Packages of the library that are CommonJS ask for Node's modules.
  const js =
    'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);';
  for (const [name, files] of /** @type {const} */ ([
    ["tests", specs.filter((file) => !ofLibrary(file))],
    ["library", specs.filter(ofLibrary)],
  ])) {
    const contents = files.map((file) => `import ${JSON.stringify(`./${file}`)};`).join("\n");
    const stdin = { contents, resolveDir: tests, loader: /** @type {const} */ ("ts") };
    await build({ ...common, stdin, banner: { js }, outfile: join(staged, `${name}.mjs`) });
  }
  const printer = ["--import=tsx", join(tests, "notebookScript.ts")];
  await build({
    ...common,
    banner: { js },
    stdin: {
      contents: execFileSync(process.execPath, printer, { cwd: inRoot("."), encoding: "utf8" }),
      resolveDir: inRoot("notebooks"),
      loader: "ts",
    },
    alias: { tunelab: inRoot("lib/index.ts"), "tunelab/script": inRoot("kernel/script.ts") },
    outfile: join(staged, "notebooks/article.mjs"),
  });
  const scripts = [
    ...["runOps", "speed", "tensorSpeed", "conformance", "article", "loading", "parity", "killedRun", "notebook"],
  ];
  for (const script of scripts) {
    await build({
      ...common,
      banner: { js },
      entryPoints: [join(tests, `${script}.ts`)],
      outfile: join(staged, `${script}.mjs`),
    });
  }
  await build({
    ...common,
    format: "cjs",
    mainFields: ["module", "main"],
    external: ["jasmine", "jasmine-core"],
    // tfjs' packages list their side effects; without this the specs would be dropped as unused.
    ignoreAnnotations: true,
    entryPoints: [inRoot("tests/lib/tensor/conformance/suite.ts")],
    outfile: join(staged, "conformance-suite.cjs"),
  });
}

/**
 * Copies a package and what it depends on, each found from the folder of the one that asks.
 * @param {string} name
 * @param {string} from the node_modules folder to look in first
 */
function copyPackage(name, from) {
  let folder = from;
  while (!existsSync(join(folder, name)) && dirname(folder) !== folder)
    folder = join(dirname(dirname(folder)), "node_modules");
  const source = join(folder, name);
  const place = join(staged, source.slice(inRoot(".").length));
  if (existsSync(place)) return;
  cpSync(source, place, { recursive: true, filter: (path) => !path.slice(source.length).includes("node_modules") });
  const description = JSON.parse(readFileSync(join(source, "package.json"), "utf8"));
  for (const dependency of Object.keys(description.dependencies ?? {}))
    copyPackage(dependency, join(source, "node_modules"));
}
