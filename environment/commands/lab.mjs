/** JupyterLab on the notebooks, with the kernel of this checkout as the default. */
import { inRoot, programOf, venv } from "../paths.mjs";
import { setUp } from "../setup.mjs";
import { openly } from "../shell.mjs";
import { say } from "../terminal.mjs";

/** @param {string[]} args handed on to JupyterLab */
export async function run(args) {
  await setUp();
  const options = [
    `--ServerApp.root_dir=${inRoot("notebooks")}`,
    "--MappingKernelManager.default_kernel_name=tunelab",
    // Containers and course machines often have one user only; the server still listens on this machine alone.
    ...(process.getuid?.() === 0 ? ["--allow-root"] : []),
  ];
  say(
    "Opening JupyterLab; Ctrl-C twice ends it. A taken port is skipped; choose one with `npm run lab -- --port=9000`.",
  );
  return openly(programOf(venv, "jupyter-lab"), [...options, ...args]);
}
