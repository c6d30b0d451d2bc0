/** Programs and files that tunelab stands on. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../lib/packageRoot.js";
import { kernelsFolder, searchedFolders } from "../spec/folders.js";
import { installedSpecs } from "../spec/installed.js";
import type { Finding } from "./finding.js";

const environment = join(packageRoot, ".venv");
const windows = process.platform === "win32";

export function checkNode(): Finding {
  const { engines } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as {
    engines: { node: string };
  };
  const [, major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(engines.node) ?? []).map(Number);
  const [hereMajor = 0, hereMinor = 0] = process.versions.node.split(".").map(Number);
  const enough = hereMajor > major || (hereMajor === major && hereMinor >= minor);
  const detail = `${process.versions.node} (${process.platform} ${process.arch})`;
  if (enough) return { name: "Node", state: "ok", detail };
  const hint = `Install Node ${major}.${minor} or newer (https://nodejs.org), then run \`npm run setup\`.`;
  return { name: "Node", state: "missing", detail, hint };
}

export function checkKernel(): Finding {
  const name = "Kernel";
  if (!existsSync(join(packageRoot, "dist", "kernel", "main.cjs"))) {
    return { name, state: "missing", detail: "not built", hint: "Run `npm run build`." };
  }
  const found = installedSpecs([kernelsFolder({ prefix: environment }), ...searchedFolders()]);
  const broken = found.find(({ gone }) => gone !== undefined);
  if (broken !== undefined) {
    const detail = `the kernelspec in ${broken.folder} starts ${broken.gone}, which does not exist`;
    const hint = "Run `tunelab install` again as it was run then (--user, --sys-prefix, --prefix, --name).";
    return { name, state: "missing", detail, hint };
  }
  if (found.length > 0) {
    return { name, state: "ok", detail: `kernelspec in ${found.map(({ folder }) => folder).join(" and ")}` };
  }
  const hint = "Run `tunelab install` to make it known to your Jupyter.";
  return { name, state: "optional", detail: "built, no kernelspec found", hint };
}

export function checkPython(): Finding {
  const name = "Jupyter";
  const python = join(environment, ...(windows ? ["Scripts", "python.exe"] : ["bin", "python"]));
  const script =
    "import sys, jupyterlab; print('JupyterLab', jupyterlab.__version__, 'on Python', sys.version.split()[0])";
  const version = output(python, ["-c", script]);
  if (version !== undefined) return { name, state: "ok", detail: `${version}, in .venv` };
  const found = anyPython();
  const detail = `no Python environment .venv, so no \`tunelab run\` and \`tunelab lab\`; ${found ?? "no Python on PATH"}`;
  const first =
    found === undefined
      ? "Install Python 3.10 or newer (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python), then run `npm run setup`"
      : "`npm run setup` makes it, from Python 3.10 or newer";
  return { name, state: "optional", detail, hint: `${first}; a Jupyter of your own works with \`tunelab install\`.` };
}

/** The first Python on PATH, as "Python 3.11.7". */
function anyPython(): string | undefined {
  const programs = windows ? ["python", "py"] : ["python3", "python"];
  return programs.map((program) => output(program, ["--version"])).find((version) => version !== undefined);
}

export function checkCompiler(): Finding {
  const compiler = output("g++", ["-dumpfullversion", "-dumpversion"]);
  const cmake = output("cmake", ["--version"])?.replace(/\n.*/s, "");
  const detail = `${compiler === undefined ? "no g++" : `g++ ${compiler}`}, ${cmake ?? "no cmake"}`;
  if (compiler !== undefined && cmake !== undefined) return { name: "Compiler", state: "ok", detail };
  const hint =
    "For the faster native backend: Debian, Ubuntu: apt install g++ cmake; macOS: xcode-select --install and " +
    "brew install cmake; then `npm run build:native`.";
  return { name: "Compiler", state: "optional", detail, hint };
}

/** What a short program prints, or undefined when it is missing or fails. */
export function output(program: string, args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync(program, args, { encoding: "utf8", timeout: 20_000 });
  return status === 0 ? stdout.trim() : undefined;
}
