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
# Unpacks the GPU tests and runs them all: a short table on the standard output, full logs in $OUT (or where this lies).
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
  "$@" >"$logs/$name.log" 2>&1 || { status=1; echo "FAILED: $name"; }
}
part tests ./node node_modules/mocha/bin/mocha.js --no-config --timeout=300000 --exit tests.mjs
grep -E "^ *(ok  |FAIL|[0-9]+ (passing|failing|pending))|^     [^ ]" "$logs/tests.log" | cut -c1-150
grep -A400 -E "^ *[0-9]+ failing" "$logs/tests.log" | head -120
for script in *.py; do
  [ "$script" = ops.py ] && continue
  part "\${script%.py}" python3 "$script"
  tail -40 "$logs/\${script%.py}.log"
done
part speed ./node speed.mjs
tail -30 "$logs/speed.log"
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
  copyPackage("mocha", inRoot("node_modules"));
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

/** All tests in one file, for they share one report; the scripts beside it. */
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
  const contents = specs.map((file) => `import ${JSON.stringify(`./${file}`)};`).join("\n");
  await build({ ...common, stdin: { contents, resolveDir: tests, loader: "ts" }, outfile: join(staged, "tests.mjs") });
  for (const script of ["runOps", "speed"]) {
    await build({ ...common, entryPoints: [join(tests, `${script}.ts`)], outfile: join(staged, `${script}.mjs`) });
  }
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
