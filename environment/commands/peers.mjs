import { mocha } from "../mocha.mjs";
import { setUp } from "../setup.mjs";

/** @param {string[]} args handed on to mocha */
export async function run(args) {
  await setUp({ withPeers: true });
  return mocha(["tests/peers/**/*.test.ts"], args);
}
