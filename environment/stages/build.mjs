/** The TypeScript sources of kernel/ and lib/ become dist/, which the kernelspec and the command line run. */
import { existsSync, rmSync } from "node:fs";
import { cli, inRoot } from "../paths.mjs";
import { quietly } from "../shell.mjs";
import { digest } from "../stage.mjs";

/** @type {import("../stage.mjs").Stage} */
export const build = {
  name: "build",
  what: "TypeScript build into dist/",
  fingerprint: () =>
    digest({
      paths: ["kernel", "lib", "tsconfig.json", "tsconfig.build.json", "package-lock.json"],
      only: /\.(ts|json)$/,
    }),
  present: () => existsSync(cli),
  async run() {
    // The compiler's record of what it built would hide that dist/ was removed.
    if (!existsSync(cli)) rmSync(inRoot("build/tsc.tsbuildinfo"), { force: true });
    const args = [inRoot("node_modules/typescript/bin/tsc"), "-p", inRoot("tsconfig.build.json")];
    await quietly("Building dist/", process.execPath, args, { log: "build" });
    return undefined;
  },
};
