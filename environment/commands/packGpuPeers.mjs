/** Packs the peers' Python packages for a machine that has a GPU; words name further packages. */
import { packGpuPeers } from "../pack-gpu-peers.mjs";
import { runStages } from "../stage.mjs";
import { checkNode } from "../stages/node.mjs";
import { packages } from "../stages/packages.mjs";
import { python } from "../stages/python.mjs";

/** @param {string[]} args */
export async function run(args) {
  checkNode();
  await runStages([packages, python]);
  await packGpuPeers(args);
  return 0;
}
