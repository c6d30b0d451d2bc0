/** The set-up: its stages in order. Each is done once for its inputs, so a second run goes straight to work. */
import { accessSync, constants, mkdirSync } from "node:fs";
import { root } from "./paths.mjs";
import { Problem } from "./problem.mjs";
import { runStages } from "./stage.mjs";
import { build } from "./stages/build.mjs";
import { exporter } from "./stages/exporter.mjs";
import { kernelspec } from "./stages/kernelspec.mjs";
import { native } from "./stages/native.mjs";
import { checkNode } from "./stages/node.mjs";
import { packages } from "./stages/packages.mjs";
import { peers, python } from "./stages/python.mjs";

/** @param {{ withPeers?: boolean }} [options] peers: the Python environment that only tests and benchmarks need */
export async function setUp({ withPeers = false } = {}) {
  checkNode();
  try {
    accessSync(root, constants.W_OK);
    mkdirSync(`${root}/build`, { recursive: true });
  } catch {
    throw new Problem(
      `The checkout ${root} cannot be written.`,
      "Make it writable for this user, or clone it into your home folder, and run the same command again.",
    );
  }
  // The native backend links against the OpenBLAS of the Python environment, so that comes first.
  const stages = [packages, python, native, build, kernelspec, exporter];
  await runStages(withPeers ? [...stages, peers] : stages);
}
