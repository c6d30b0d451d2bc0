/** The native backend with its CUDA op table, in a build folder of its own. */
import { availableParallelism } from "node:os";
import { inRoot, programOf, venv } from "./paths.mjs";
import { Problem } from "./problem.mjs";
import { answer, quietly } from "./shell.mjs";

export const cudaAddon = "build/cuda/tunelab.node";

/**
 * Compiles build/cuda/tunelab.node, or throws a Problem that names the log.
 * @param {string | undefined} archs GPUs to build for, as CMake writes them ("90a-real"); all that are supported when undefined
 */
export async function compileCuda(archs) {
  const missing = ["nvcc", "cmake", "g++"].filter((tool) => answer(tool, ["--version"]) === undefined);
  if (missing.length > 0) {
    throw new Problem(
      `${missing.join(" and ")} not found.`,
      "The CUDA backend is built with CUDA's toolkit (12.8 or later), g++ and cmake.",
    );
  }
  const where = "import os, scipy_openblas32; print(os.path.dirname(scipy_openblas32.__file__))";
  const openblas = answer(programOf(venv, "python"), ["-c", where]);
  if (openblas === undefined) throw new Problem("OpenBLAS is not in .venv.", "Run `npm run setup`.");
  const definitions = ["-DCMAKE_BUILD_TYPE=Release", `-DOPENBLAS_ROOT=${openblas}`, "-DTUNELAB_CUDA=ON"];
  definitions.push(archs === undefined ? "-UTUNELAB_CUDA_ARCHS" : `-DTUNELAB_CUDA_ARCHS=${archs}`);
  const configure = ["-S", inRoot("lib/native"), "-B", inRoot("build/cuda"), ...definitions];
  await quietly("Configuring the CUDA backend", "cmake", configure, { log: "cuda-configure" });
  await quietly(
    "Compiling the CUDA backend",
    "cmake",
    ["--build", inRoot("build/cuda"), "--parallel", String(availableParallelism())],
    {
      log: "cuda",
    },
  );
  const probe = `process.dlopen({ exports: {} }, ${JSON.stringify(inRoot(cudaAddon))})`;
  await quietly("Loading the CUDA backend", process.execPath, ["-e", probe], { log: "cuda-probe" });
}
