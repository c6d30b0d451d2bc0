/** Packs the GPU tests for a machine that has a GPU and no Node; a word names its architecture, "90a-real" otherwise. */
import { packGpu } from "../pack-gpu.mjs";
import { checkNode } from "../stages/node.mjs";

/** @param {string[]} args */
export async function run([archs]) {
  checkNode();
  await packGpu(archs);
  return 0;
}
