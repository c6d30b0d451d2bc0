/** Where Jupyter looks for kernelspecs: the user's data folder, an environment, or any prefix. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { fail } from "../../lib/errors.js";

/** Where to install; without any of them the user's own folder is meant. */
export interface Target {
  /** The user's data folder, found by every Jupyter of this user. */
  user?: boolean;
  /** The active Python environment (VIRTUAL_ENV or CONDA_PREFIX). */
  sysPrefix?: boolean;
  /** Any prefix, for example /usr/local or a folder with a Python environment. */
  prefix?: string;
}

/** What the rules depend on; the process's own values by default. */
export interface Place {
  platform: NodeJS.Platform;
  env: NodeJS.ProcessEnv;
  home: string;
}

const here = (): Place => ({ platform: process.platform, env: process.env, home: homedir() });

/** The folder that holds one folder for each kernelspec. */
export function kernelsFolder(target: Target, place: Place = here()): string {
  const chosen = [target.user, target.sysPrefix, target.prefix !== undefined].filter(Boolean).length;
  if (chosen > 1)
    fail("More than one place to install was given.", { hint: "Use one of --user, --sys-prefix, --prefix." });
  if (target.prefix !== undefined) return join(resolve(target.prefix), "share", "jupyter", "kernels");
  if (target.sysPrefix) return join(activeEnvironment(place.env), "share", "jupyter", "kernels");
  return join(userDataFolder(place), "kernels");
}

/** Every folder in which a Jupyter of this user may find kernels: JUPYTER_PATH, user, active environment, system. */
export function searchedFolders(place: Place = here()): string[] {
  const { env, platform } = place;
  const named = (env.JUPYTER_PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const active = environments(env).map((prefix) => join(prefix, "share", "jupyter"));
  const system =
    platform === "win32"
      ? [join(env.PROGRAMDATA ?? "C:\\ProgramData", "jupyter")]
      : ["/usr/local/share/jupyter", "/usr/share/jupyter"];
  return [...named, userDataFolder(place), ...active, ...system].map((folder) => join(folder, "kernels"));
}

const environments = ({ VIRTUAL_ENV, CONDA_PREFIX }: NodeJS.ProcessEnv): string[] =>
  [VIRTUAL_ENV, CONDA_PREFIX].filter((folder) => folder !== undefined && folder !== "") as string[];

function activeEnvironment(env: NodeJS.ProcessEnv): string {
  const [found] = environments(env);
  const hint = "Activate one, or name its folder with --prefix.";
  if (found === undefined) {
    fail("No Python environment is active (VIRTUAL_ENV and CONDA_PREFIX are not set).", { hint });
  }
  if (!existsSync(found))
    fail(`The Python environment ${found}, which is said to be active, does not exist.`, { hint });
  return found;
}

/** jupyter_core's rules for the data folder of a user. */
function userDataFolder({ platform, env, home }: Place): string {
  if (env.JUPYTER_DATA_DIR) return env.JUPYTER_DATA_DIR;
  if (platform === "darwin") return join(home, "Library", "Jupyter");
  if (platform === "win32") return join(env.APPDATA ?? join(home, "AppData", "Roaming"), "jupyter");
  return join(env.XDG_DATA_HOME || join(home, ".local", "share"), "jupyter");
}
