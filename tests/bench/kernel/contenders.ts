/** The kernels that are compared: how each is started, or why it cannot be had here. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { kernelSpec } from "../../../kernel/spec.js";
import { packageRoot } from "../../../lib/packageRoot.js";
import { type Dialect, PYTHON, TYPESCRIPT } from "./dialects.js";

export interface Contender {
  name: string;
  version: string;
  argv: readonly string[];
  env: Record<string, string | undefined>;
  /** How its kernelspec wants to be interrupted. */
  interrupt: "message" | "signal";
  dialect: Dialect;
}

export interface Absent {
  name: string;
  reason: string;
}

const DENO_VERSION = "2.9.6";
/** The binary comes in a package for each platform, so that no install script has to be trusted to fetch it. */
const DENO_PACKAGES: Record<string, string> = {
  "linux-x64": "@deno/linux-x64-glibc",
  "linux-arm64": "@deno/linux-arm64-glibc",
  "darwin-x64": "@deno/darwin-x64",
  "darwin-arm64": "@deno/darwin-arm64",
};
const peersFolder = join(packageRoot, "build", "peers");
const require = createRequire(import.meta.url);

export const OURS = "tunelab";

export function contenders(): (Contender | Absent)[] {
  const { argv, interrupt_mode: interrupt } = kernelSpec();
  const { version } = readManifest(packageRoot);
  const ours = { version, argv, interrupt, dialect: TYPESCRIPT };
  return [
    { ...ours, name: OURS, env: { TUNELAB_PRELOAD: undefined } },
    { ...ours, name: `${OURS}, nothing preloaded`, env: { TUNELAB_PRELOAD: "" } },
    tslab(),
    deno(),
    ipykernel(),
  ];
}

function tslab(): Contender {
  const root = join(require.resolve("tslab/dist/converter.js"), "..", "..");
  return {
    name: "tslab",
    version: readManifest(root).version,
    argv: [process.execPath, join(root, "bin", "tslab"), "kernel", "--config-path", "{connection_file}"],
    env: {},
    interrupt: "signal",
    dialect: TYPESCRIPT,
  };
}

function deno(): Contender | Absent {
  const name = "Deno";
  const platform = `${process.platform}-${process.arch}`;
  const source = DENO_PACKAGES[platform];
  if (source === undefined) return { name, reason: `no package of it for ${platform}` };
  const binary = join(peersFolder, "node_modules", source, "deno");
  if (!existsSync(binary) || readManifest(join(binary, "..")).version !== DENO_VERSION) {
    const failure = installPeer(`${source}@${DENO_VERSION}`);
    if (failure !== undefined) return { name, reason: failure };
  }
  return {
    name,
    version: DENO_VERSION,
    argv: [binary, "jupyter", "--kernel", "--conn", "{connection_file}"],
    env: { DENO_NO_UPDATE_CHECK: "1" },
    interrupt: "signal",
    dialect: TYPESCRIPT,
  };
}

function ipykernel(): Contender | Absent {
  const name = "ipykernel";
  const python = join(packageRoot, ".venv", "bin", "python");
  const asked = spawnSync(python, ["-c", "import ipykernel; print(ipykernel.__version__)"], { encoding: "utf8" });
  if (asked.status !== 0) return { name, reason: "not installed in .venv: run `npm run setup`" };
  return {
    name,
    version: asked.stdout.trim(),
    argv: [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    env: {},
    interrupt: "signal",
    dialect: PYTHON,
  };
}

/** Installs a package into build/peers; says why when that failed. */
function installPeer(specifier: string): string | undefined {
  mkdirSync(peersFolder, { recursive: true });
  const manifest = join(peersFolder, "package.json");
  if (!existsSync(manifest)) writeFileSync(manifest, '{ "private": true }\n');
  const script = process.env.npm_execpath;
  const [program, before] = script?.endsWith(".js") ? [process.execPath, [script]] : ["npm", []];
  const words = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--save-exact", specifier];
  const { status, stderr } = spawnSync(program, [...before, ...words], { cwd: peersFolder, encoding: "utf8" });
  return status === 0 ? undefined : `npm install ${specifier} failed: ${stderr.trim().split("\n")[0] ?? ""}`;
}

function readManifest(folder: string): { version: string } {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
}
