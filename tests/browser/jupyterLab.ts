/** A JupyterLab for tests, with a folder of notebooks of its own and nobody's settings. */
import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
export const patience = 120_000;
export const screenshots = join(root, "build", "screenshots");

export interface JupyterLab {
  url: string;
  stop(): Promise<void>;
}

/** Starts JupyterLab over copies of the named notebooks of tests/fixtures. */
export async function startLab(...names: string[]): Promise<JupyterLab> {
  const folder = mkdtempSync(join(tmpdir(), "lab-"));
  const notebooks = join(folder, "notebooks");
  mkdirSync(notebooks);
  mkdirSync(screenshots, { recursive: true });
  for (const name of names) copyFileSync(join(root, "tests", "fixtures", "notebooks", name), join(notebooks, name));
  const port = await freePort();
  const program = join(root, ".venv", "bin", "jupyter-lab");
  const options = ["--no-browser", "--allow-root", `--port=${port}`, "--port-retries=0", "--IdentityProvider.token="];
  const server: ChildProcess = spawn(program, [...options, `--ServerApp.root_dir=${notebooks}`], {
    stdio: "ignore",
    env: {
      ...process.env,
      TUNELAB_PROFILE: "embedded",
      JUPYTER_CONFIG_DIR: join(folder, "config"),
      JUPYTERLAB_WORKSPACES_DIR: join(folder, "spaces"),
    },
  });
  const stop = async () => {
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true });
  };
  const url = `http://127.0.0.1:${port}`;
  const end = Date.now() + patience;
  while (!(await answers(`${url}/api`))) {
    if (Date.now() > end) {
      await stop();
      throw new Error("JupyterLab does not answer.");
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return { url, stop };
}

function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    (reply) => reply.ok,
    () => false,
  );
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
