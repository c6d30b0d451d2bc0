/** Magics of IPython that people know: what does the same here. */

const PACKAGES = "Packages come from npm: npm install NAME in a cell that begins with %%sh.";
const VARIABLES = "A variable is set by process.env.NAME = value; loadDotenv() reads a .env file.";
const SHOWN = (type: string) => `Show it by display({ "${type}": text }).`;

const WAYS: Readonly<Record<string, string>> = {
  pip: PACKAGES,
  conda: PACKAGES,
  mamba: PACKAGES,
  uv: PACKAGES,
  npm: PACKAGES,
  matplotlib: "Leave it out: charts are shown by plot, as soon as a cell ends with one.",
  pylab: "Leave it out: charts are shown by plot, as soon as a cell ends with one.",
  load_ext: "Leave it out: there is nothing to load.",
  autoreload: "Leave it out: an imported file that has changed is read anew.",
  env: VARIABLES,
  set_env: VARIABLES,
  dotenv: VARIABLES,
  cd: "The folder is changed by process.chdir(path).",
  pwd: "The folder is process.cwd().",
  ls: "Put ls into a cell that begins with %%sh.",
  timeit: "Put %%time into the first line of the cell.",
  prun: "Put %%time into the first line of the cell.",
  run: 'Import the file: import "./file.ts".',
  who: "Completion (Tab) lists the names that there are.",
  whos: "Completion (Tab) lists the names that there are.",
  reset: "Restart the kernel: that forgets all names.",
  debug: "JupyterLab's debugger stops in cells, also where an exception ends one.",
  pdb: "JupyterLab's debugger stops in cells, also where an exception ends one.",
  writefile: 'Write it by import { writeFileSync } from "node:fs", or by cat in a cell that begins with %%sh.',
  capture: "Give what is not to be shown to an Output widget, or to a variable.",
  js: "Put it between <script> and </script> in a cell that begins with %%html.",
  javascript: "Put it between <script> and </script> in a cell that begins with %%html.",
  markdown: SHOWN("text/markdown"),
  latex: SHOWN("text/latex"),
  svg: SHOWN("image/svg+xml"),
  SVG: SHOWN("image/svg+xml"),
  python: "Call it in a cell that begins with %%sh: python3 - <<'END'.",
  python3: "Call it in a cell that begins with %%sh: python3 - <<'END'.",
  script: "Call the program in a cell that begins with %%sh.",
  system: "Put the command into a cell that begins with %%sh.",
};

/** What to do instead of a magic, by its name without the percent signs. */
export function wayInstead(name: string): string | undefined {
  return Object.hasOwn(WAYS, name) ? WAYS[name] : undefined;
}
