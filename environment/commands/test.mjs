import { mocha } from "../mocha.mjs";
import { setUp } from "../setup.mjs";

/**
 * Every test that needs no GPU, the comparisons with the peers and the execution of every notebook among them.
 * @param {string[]} args handed on to mocha; file names among them replace the full list
 */
export async function run(args) {
  await setUp({ withPeers: true, withFrontEnds: true });
  const named = args.some((arg) => arg.endsWith(".test.ts"));
  return mocha(named ? [] : ["tests/**/*.test.ts"], args);
}
