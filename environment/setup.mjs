/** The set-up: its stages in order. Each is done once for its inputs, so a second run goes straight to work. */
import { accessSync, constants, mkdirSync } from "node:fs";
import { frontEndsVenv, root, venv } from "./paths.mjs";
import { Problem } from "./problem.mjs";
import { runStages } from "./stage.mjs";
import { build } from "./stages/build.mjs";
import { companionStage } from "./stages/companion.mjs";
import { kernelspecStage } from "./stages/kernelspec.mjs";
import { native } from "./stages/native.mjs";
import { checkNode } from "./stages/node.mjs";
import { packages } from "./stages/packages.mjs";
import { frontEnds, peers, python } from "./stages/python.mjs";

const inVenv = { folder: venv, where: ".venv" };
const inFrontEnds = { folder: frontEndsVenv, where: ".frontends-venv" };

/**
 * @param {{ withPeers?: boolean, withFrontEnds?: boolean }} [options] Python environments that only tests and
 *   benchmarks need: what they compare with, and where they try the kernel
 */
export async function setUp({ withPeers = false, withFrontEnds = false } = {}) {
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
  await runStages([
    packages,
    // The native backend links against the OpenBLAS of the Python environment, so that comes first.
    python,
    native,
    build,
    kernelspecStage({ name: "kernelspec", ...inVenv }),
    companionStage({ name: "companion", ...inVenv }),
    ...(withPeers ? [peers] : []),
    ...(withFrontEnds
      ? [
          frontEnds,
          kernelspecStage({ name: "frontends-kernelspec", ...inFrontEnds }),
          companionStage({ name: "frontends-companion", ...inFrontEnds }),
        ]
      : []),
  ]);
}
