/** `tunelab lab`: JupyterLab as `npm run lab` opens it, set-up included. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { packageRoot } from "../../lib/packageRoot.js";

/** The exit code of JupyterLab. */
export async function lab(words: readonly string[]): Promise<number> {
  const script = join(packageRoot, "environment", "run.mjs");
  const child = spawn(process.execPath, [script, "lab", ...words], { stdio: "inherit" });
  const wait = () => undefined;
  process.on("SIGINT", wait);
  const [code] = (await once(child, "close")) as [number | null];
  process.off("SIGINT", wait);
  return code ?? 130;
}
