/**
 * The entry of every npm script: sets up what a command needs, then runs it.
 * Plain JavaScript on Node's own modules, since it runs before any package is installed.
 */
import { explain, Problem } from "./problem.mjs";
import { say } from "./terminal.mjs";

/** @type {Record<string, { module: string, what: string }>} */
const commands = {
  start: { module: "./commands/start.mjs", what: "set up and run the article from end to end" },
  test: { module: "./commands/test.mjs", what: "set up and run every test (further words go to mocha)" },
  lab: { module: "./commands/lab.mjs", what: "set up and open JupyterLab on the notebooks (further words go to it)" },
  check: { module: "./commands/check.mjs", what: "types, format, lint and unused code" },
  bench: { module: "./commands/bench.mjs", what: "run the benchmarks of tests/bench (a word picks those it is in)" },
  setup: { module: "./commands/setup.mjs", what: "set up only" },
  build: { module: "./commands/build.mjs", what: "build dist/ anew" },
  "build:native": { module: "./commands/buildNative.mjs", what: "compile the native backend anew" },
  "build:cuda": {
    module: "./commands/buildCuda.mjs",
    what: "compile the native backend with CUDA (a word picks GPUs)",
  },
  "pack:gpu": { module: "./commands/packGpu.mjs", what: "pack the GPU tests for a machine that has a GPU and no Node" },
  "pack:gpu-peers": {
    module: "./commands/packGpuPeers.mjs",
    what: "pack the peers' Python packages for such a machine",
  },
  peers: { module: "./commands/peers.mjs", what: "set up .peers-venv and compare with the peers (tests/peers)" },
};

const [name = "", ...args] = process.argv.slice(2);
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
if (command === undefined) {
  if (name !== "" && name !== "--help") say(`Unknown command: ${name}`);
  say("Usage: node environment/run.mjs <command>\n");
  for (const [key, { what }] of Object.entries(commands)) say(`  ${key.padEnd(13)} ${what}`);
  process.exitCode = name === "--help" ? 0 : 2;
} else {
  try {
    const { run } = await import(command.module);
    process.exitCode = await run(args);
  } catch (error) {
    report(error);
  }
}

/** @param {unknown} error */
function report(error) {
  const systemError = error instanceof Error && "code" in error;
  const problem = systemError ? explain(`\`${name}\``, `${error.code} ${error.message}`) : error;
  if (!(problem instanceof Problem)) throw problem;
  say(`\n${problem.message}`);
  if (problem.hint) say(problem.hint);
  process.exitCode = 1;
}
