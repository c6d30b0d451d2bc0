/**
 * Packs what the GPU tests need into build/gpu: this Node, the tests and the library as bundles, mocha, the addon built for
 * one architecture. A machine with a GPU, its driver, cuBLASLt and Python with torch needs nothing else: `build/gpu/run.sh`.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { build } from "esbuild";
import { compileCuda, cudaAddon } from "./cuda.mjs";
import { hasFile, inRoot, peersVenv } from "./paths.mjs";
import { Problem } from "./problem.mjs";
import { openly } from "./shell.mjs";
import { say } from "./terminal.mjs";

const target = inRoot("build/gpu");
const staged = inRoot("build/gpu-staged");
const tests = inRoot("tests/gpu");

const runScript = `#!/bin/sh
# Unpacks the GPU tests and runs them all, or the parts named: tests, library, conformance, attention, bitsandbytes_bits, decode, model, speed, article.
# A short table on the standard output, full logs in $OUT (or where this lies).
wanted=" $* "
here=$(cd "$(dirname "$0")" && pwd)
logs=\${OUT:-$here}
work=\${TUNELAB_GPU_WORK:-/tmp/tunelab-gpu}
rm -rf "$work" && mkdir -p "$work"
tar -xJf "$here/bundle.tar.xz" -C "$work" 2>/dev/null || python3 -m tarfile -e "$here/bundle.tar.xz" "$work" || exit 1
export TUNELAB_NATIVE="$work/tunelab.node" TUNELAB_GPU_NODE="$work/node" TUNELAB_GPU_RUN_OPS="$work/runOps.mjs"
export TUNELAB_GPU_BITSANDBYTES="$work/libbitsandbytes_cuda130.so" PYTHONUNBUFFERED=1
cd "$work" || exit 1
status=0
part() {
  name=$1
  shift
  case "$wanted" in "  " | *" $name "*) ;; *) return ;; esac
  "$@" >"$logs/$name.log" 2>&1 || { status=1; echo "FAILED: $name"; }
  if [ "$name" = tests ]; then summary; else tail -40 "$logs/$name.log"; fi
}
summary() {
  grep -E "^ *(ok  |FAIL|[0-9]+ (passing|failing|pending))|^     [^ ]" "$logs/tests.log" | cut -c1-150
  grep -A400 -E "^ *[0-9]+ failing" "$logs/tests.log" | head -120
}
part tests ./node node_modules/mocha/bin/mocha.js --no-config --timeout=300000 --exit tests.mjs
part library ./node node_modules/mocha/bin/mocha.js --no-config --timeout=300000 --exit library.mjs
part conformance env CONFORMANCE_ADDON="$TUNELAB_NATIVE" ./node conformance.mjs
for script in *.py; do
  [ "$script" = ops.py ] && continue
  part "\${script%.py}" python3 "$script"
done
part speed ./node speed.mjs
part article ./node article.mjs "\${TUNELAB_GPU_LAYERS:-4}"
exit $status
`;

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
  const bits = bitsandbytesLibrary();
  if (bits !== undefined) cpSync(bits, join(staged, basename(bits)));
  const archive = join(target, "bundle.tar.xz");
  const env = { ...process.env, XZ_OPT: "-T0 -6" };
  if ((await openly("tar", ["-cJf", archive, "-C", staged, "."], { env })) !== 0)
    throw new Problem("The archive could not be written.");
  writeFileSync(join(target, "run.sh"), runScript, { mode: 0o755 });
  rmSync(staged, { recursive: true });
  say(`${archive}: ${(statSync(archive).size / 2 ** 20).toFixed(1)} MiB. On the GPU's machine: sh build/gpu/run.sh`);
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
  for (const script of ["runOps", "speed", "conformance", "article"]) {
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

/** bitsandbytes' CUDA kernels, when the environment of the peers has them. */
function bitsandbytesLibrary() {
  if (!hasFile(".peers-venv/lib")) return undefined;
  const versions = readdirSync(join(peersVenv, "lib")).map((python) => join(peersVenv, "lib", python));
  return versions
    .map((folder) => join(folder, "site-packages/bitsandbytes/libbitsandbytes_cuda130.so"))
    .find((file) => existsSync(file));
}
