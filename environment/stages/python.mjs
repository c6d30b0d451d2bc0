/** Python environments inside the checkout: one that runs and shows notebooks, two with what the tests need beside it. */
import { existsSync, mkdirSync, renameSync, statfsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { frontEndsVenv, inRoot, peersVenv, programOf, root, venv } from "../paths.mjs";
import { Problem } from "../problem.mjs";
import { answer, quietly } from "../shell.mjs";
import { digest } from "../stage.mjs";

/** @type {[number, number]} */
const oldest = [3, 10];

/** @type {import("../stage.mjs").Stage} */
export const python = environmentStage({
  name: "python",
  what: "Python environment .venv (JupyterLab, nbclient, nbconvert, plotly, OpenBLAS)",
  folder: venv,
  requirements: "environment/requirements.txt",
  proof: "import jupyterlab, nbclient, nbconvert, plotly, latex2mathml, scipy_openblas32",
  gigabytes: 1,
  finish() {
    shareNoModuleType(venv);
    quietJupyterLab(venv);
  },
});

/** @type {import("../stage.mjs").Stage} */
export const peers = environmentStage({
  name: "peers",
  what: "Python environment .peers-venv (PyTorch, transformers, PEFT, bitsandbytes: the tests compare with them)",
  folder: peersVenv,
  requirements: "environment/requirements-peers.txt",
  proof: "import torch, transformers, peft, safetensors",
  gigabytes: 3,
});

/** @type {import("../stage.mjs").Stage} */
export const frontEnds = environmentStage({
  name: "frontends",
  what: "Python environment .frontends-venv (Notebook 7, jupyter console, papermill, jupytext: the tests try the kernel there)",
  folder: frontEndsVenv,
  requirements: "environment/requirements-frontends.txt",
  proof: "import notebook, jupyter_console, papermill, jupytext, plotly",
  gigabytes: 1,
  finish() {
    shareNoModuleType(frontEndsVenv);
    quietJupyterLab(frontEndsVenv);
  },
});

/**
 * @param {{ name: string, what: string, folder: string, requirements: string, proof: string, gigabytes: number,
 *   finish?: () => void }} options
 * @returns {import("../stage.mjs").Stage}
 */
function environmentStage({ name, what, folder, requirements, proof, gigabytes, finish }) {
  const program = programOf(folder, "python");
  return {
    name,
    what,
    fingerprint: () => digest({ words: [root], paths: [requirements] }),
    present: () => existsSync(program),
    async run() {
      needSpace(gigabytes);
      const log = name;
      // A half-made environment of an interrupted run has no pip that answers; it is made anew.
      if (answer(program, ["-m", "pip", "--version"]) === undefined) {
        const base = findPython();
        await quietly("Making the Python environment", base, ["-m", "venv", "--clear", folder], { log });
      }
      const args = ["-m", "pip", "install", "--disable-pip-version-check", "-r", inRoot(requirements)];
      await quietly("Installing the Python packages", program, args, { log });
      await quietly("Trying the Python packages", program, ["-c", proof], { log: `${log}-proof` });
      finish?.();
      return undefined;
    },
  };
}

/**
 * The first Python that is new enough and can make environments. TUNELAB_PYTHON names one outright.
 * @param {string[]} [candidates]
 * @returns {string}
 */
export function findPython(candidates = pythonCandidates()) {
  /** @type {string | undefined} */
  let refusal;
  for (const program of candidates) {
    const version = answer(program, ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
    if (version === undefined) continue;
    const [major = 0, minor = 0] = version.split(".").map(Number);
    if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
      refusal ??= `${program} is Python ${version}; tunelab needs ${oldest.join(".")} or newer.`;
    } else if (answer(program, ["-c", "import venv, ensurepip"]) === undefined) {
      throw new Problem(
        `Python ${version} (${program}) cannot make environments: its venv module is missing.`,
        `Install it (Debian, Ubuntu: apt install python${version}-venv) and run the same command again.`,
      );
    } else {
      return program;
    }
  }
  throw new Problem(
    refusal ?? `Python was not found (looked for ${candidates.join(", ")}).`,
    "Install Python 3.10 or newer (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python), " +
      "or name one in TUNELAB_PYTHON, and run the same command again.",
  );
}

function pythonCandidates() {
  const named = process.env.TUNELAB_PYTHON;
  if (named) return [named];
  const versions = [14, 13, 12, 11, 10].map((minor) => `python3.${minor}`);
  return process.platform === "win32" ? ["python", "py"] : ["python3", "python", ...versions];
}

/** @param {number} gigabytes */
function needSpace(gigabytes) {
  const { bavail, bsize } = statfsSync(root);
  const free = (bavail * bsize) / 1e9;
  if (free >= gigabytes) return;
  throw new Problem(
    `Only ${free.toFixed(1)} GB are free where the checkout lies; the Python packages need about ${gigabytes} GB.`,
    "Free some space and run the same command again; finished stages are kept.",
  );
}

/**
 * JupyterLab runs a script of its own by Node, which would take it for an ES module as the checkout's package says.
 * @param {string} folder
 */
function shareNoModuleType(folder) {
  writeFileSync(join(folder, "package.json"), '{ "type": "commonjs" }\n');
}

/**
 * JupyterLab's first start asks about news and looks for updates on the network; in a lesson both only disturb.
 * @param {string} folder
 */
function quietJupyterLab(folder) {
  const file = join(folder, "share", "jupyter", "lab", "settings", "overrides.json");
  mkdirSync(dirname(file), { recursive: true });
  const settings = { "@jupyterlab/apputils-extension:notification": { fetchNews: "false", checkForUpdates: false } };
  writeFileSync(`${file}.tmp`, `${JSON.stringify(settings, undefined, 2)}\n`);
  renameSync(`${file}.tmp`, file);
}
