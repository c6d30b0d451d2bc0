/** The native CPU backend, compiled when the tools are there; without it the portable backend does the work. */
import { availableParallelism } from "node:os";
import { hasFile, inRoot, programOf, venv } from "../paths.mjs";
import { Interrupted, Problem } from "../problem.mjs";
import { answer, quietly } from "../shell.mjs";
import { digest } from "../stage.mjs";

const addon = "build/native/tunelab.node";
const way = "install g++ and cmake (Debian, Ubuntu: apt install g++ cmake) and run `npm run build:native`";

/** @type {import("../stage.mjs").Stage} */
export const native = {
  name: "native",
  what: "Native CPU backend (C++, OpenBLAS)",
  fingerprint: () =>
    digest({
      words: [process.versions.modules, process.arch, ...tools().map((tool) => `${tool.name} ${tool.version}`)],
      paths: ["lib/native", "environment/requirements.txt"],
      only: /\.(cc|cpp|c|h|hpp|cu|cuh|txt|cmake)$/,
    }),
  // A note says why there is no addon; the same tools and sources would fail again.
  present: (note) => hasFile(addon) || note !== undefined,
  async run() {
    if (missing().length > 0 && hasFile(addon)) return undefined;
    if (missing().length > 0) {
      return `portable backend: ${missing().join(" and ")} not found; for the faster one ${way}`;
    }
    try {
      await compile();
      return undefined;
    } catch (error) {
      if (!(error instanceof Problem) || error instanceof Interrupted) throw error;
      return `portable backend: the native one could not be built. ${error.hint ?? ""}`;
    }
  },
};

/** Compiles the addon, or throws a Problem that names the log. */
export async function compile() {
  if (missing().length > 0) throw new Problem(`${missing().join(" and ")} not found.`, `To build it, ${way}.`);
  const where = "import os, scipy_openblas32; print(os.path.dirname(scipy_openblas32.__file__))";
  const openblas = answer(programOf(venv, "python"), ["-c", where]);
  if (openblas === undefined) throw new Problem("OpenBLAS is not in .venv.", "Remove .venv and run `npm run setup`.");
  const definitions = ["-DCMAKE_BUILD_TYPE=Release", `-DOPENBLAS_ROOT=${openblas}`];
  const configure = ["-S", inRoot("lib/native"), "-B", inRoot("build/native"), ...definitions];
  await quietly("Configuring the native backend", "cmake", configure, { log: "native-configure" });
  const build = ["--build", inRoot("build/native"), "--parallel", String(availableParallelism())];
  await quietly("Compiling the native backend", "cmake", build, { log: "native" });
  const probe = `process.dlopen({ exports: {} }, ${JSON.stringify(inRoot(addon))})`;
  await quietly("Loading the native backend", process.execPath, ["-e", probe], { log: "native-probe" });
}

/** @returns {{ name: string, version: string | undefined }[]} */
function tools() {
  found ??= [
    { name: "g++", version: answer(process.env.CXX ?? "g++", ["-dumpfullversion", "-dumpversion"]) },
    { name: "cmake", version: answer("cmake", ["--version"])?.split("\n")[0] },
  ];
  return found;
}

/** @type {{ name: string, version: string | undefined }[] | undefined} */
let found;

const missing = () =>
  tools()
    .filter((tool) => tool.version === undefined)
    .map((tool) => tool.name);
