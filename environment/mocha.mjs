/** mocha with the settings of every test run: embedded profile, closing line with the counts. */
import { inRoot } from "./paths.mjs";
import { openly } from "./shell.mjs";

/**
 * @param {string[]} specs
 * @param {string[]} args further words for mocha
 */
export function mocha(specs, args) {
  const options = [
    // Without the file, whose list leaves out what needs the larger environments, for a quick run by hand.
    "--no-config",
    "--import=tsx",
    "--timeout=60000",
    "--exit",
    `--reporter=${inRoot("environment/reporter.mjs")}`,
    "--ignore=tests/gpu/**",
  ];
  const env = { ...process.env, TUNELAB_PROFILE: "embedded" };
  return openly(process.execPath, [inRoot("node_modules/mocha/bin/mocha.js"), ...options, ...args, ...specs], { env });
}
