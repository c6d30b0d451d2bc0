/** Builds dist/ whether or not it is there; npm's packages must be. */

import { compile } from "../stages/build.mjs";
import { checkNode } from "../stages/node.mjs";

export async function run() {
  checkNode();
  await compile();
  return 0;
}
