/** Compiles the native backend with CUDA. A word names the GPUs to build for, "90a-real" say; all are built for otherwise. */
import { compileCuda, cudaAddon } from "../cuda.mjs";
import { inRoot } from "../paths.mjs";
import { runStages } from "../stage.mjs";
import { checkNode } from "../stages/node.mjs";
import { packages } from "../stages/packages.mjs";
import { python } from "../stages/python.mjs";
import { say } from "../terminal.mjs";

/** @param {string[]} args */
export async function run([archs]) {
  checkNode();
  await runStages([packages, python]);
  await compileCuda(archs);
  say(`Built ${cudaAddon}. It is used when TUNELAB_NATIVE=${inRoot(cudaAddon)}.`);
  return 0;
}
