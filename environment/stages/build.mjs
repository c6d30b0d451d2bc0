/** The TypeScript sources of kernel/ and lib/ become dist/, which the kernelspec and the command line run. */
import { existsSync, rmSync } from "node:fs";
import { bundle } from "../bundle.mjs";
import { cli, inRoot } from "../paths.mjs";
import { quietly } from "../shell.mjs";
import { digest } from "../stage.mjs";

/** @type {import("../stage.mjs").Stage} */
export const build = {
  name: "build",
  what: "TypeScript build into dist/, and a snapshot of TypeScript with its libraries read",
  fingerprint: () =>
    digest({
      words: [process.version, process.arch],
      paths: ["kernel", "lib", "environment/bundle.mjs", "tsconfig.json", "tsconfig.build.json", "package-lock.json"],
      only: /\.(ts|json|mjs)$/,
    }),
  present: () => existsSync(cli),
  async run() {
    await compile();
    return undefined;
  },
};

/** Compiles dist/, bundles the kernel's programs, and has the snapshot made from which cells are compiled. */
export async function compile() {
  // The compiler's record of what it built would hide that dist/ was removed.
  if (!existsSync(cli)) rmSync(inRoot("build/tsc.tsbuildinfo"), { force: true });
  const args = [inRoot("node_modules/typescript/bin/tsc"), "-p", inRoot("tsconfig.build.json")];
  await quietly("Building dist/", process.execPath, args, { log: "build" });
  await bundle();
  const script = "import(process.argv[1]).then(({ makeSnapshot }) => makeSnapshot())";
  const snapshotFile = inRoot("dist/kernel/cells/snapshotFile.js");
  await quietly("Making the snapshot", process.execPath, ["-e", script, snapshotFile], { log: "snapshot" });
}
