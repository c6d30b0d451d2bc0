/**
 * Packs the peers' Python packages into build/gpu-peers for a machine that has a GPU, torch and transformers, and no network.
 * build/gpu/run.sh unpacks them where they lie beside it.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { packFolder } from "./archive.mjs";
import { unpackWheels } from "./gpu-python.mjs";
import { inRoot } from "./paths.mjs";

const target = inRoot("build/gpu-peers");
const staged = inRoot("build/gpu-peers-staged");

/** @param {string[]} more further packages, for example pyarrow and pandas where the machine lacks them */
export async function packGpuPeers(more) {
  for (const folder of [target, staged]) rmSync(folder, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  await unpackWheels(["-r", inRoot("environment/requirements-gpu-peers.txt"), ...more], staged);
  await packFolder(staged, join(target, "peers.tar.xz"));
  rmSync(staged, { recursive: true });
}
