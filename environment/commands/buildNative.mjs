/** Compiles the native backend whether or not it is there, and fails when that fails. */
import { runStages } from "../stage.mjs";
import { compile, native } from "../stages/native.mjs";
import { checkNode } from "../stages/node.mjs";
import { packages } from "../stages/packages.mjs";
import { python } from "../stages/python.mjs";

export async function run() {
  checkNode();
  await runStages([packages, python]);
  /** @type {import("../stage.mjs").Stage} */
  const anew = {
    ...native,
    what: `${native.what}, compiled anew`,
    present: () => false,
    async run() {
      await compile();
      return undefined;
    },
  };
  await runStages([anew]);
  return 0;
}
