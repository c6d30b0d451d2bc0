import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { describeInBrowser } from "./chromium.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const patience = 120_000;

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

describeInBrowser("a notebook in JupyterLab", (open) => {
  let folder: string;
  let server: ChildProcess;
  let browser: Browser;
  let url: string;

  before(async function () {
    this.timeout(patience);
    folder = mkdtempSync(join(tmpdir(), "lab-"));
    const notebooks = join(folder, "notebooks");
    mkdirSync(notebooks);
    copyFileSync(join(root, "tests", "fixtures", "notebooks", "counting.ipynb"), join(notebooks, "counting.ipynb"));
    const port = await freePort();
    const program = join(root, ".venv", "bin", "jupyter-lab");
    const options = ["--no-browser", "--allow-root", `--port=${port}`, "--port-retries=0", "--IdentityProvider.token="];
    server = spawn(program, [...options, `--ServerApp.root_dir=${notebooks}`], {
      stdio: "ignore",
      // A server of its own: nobody's settings, nobody's workspaces.
      env: {
        ...process.env,
        JUPYTER_CONFIG_DIR: join(folder, "config"),
        JUPYTERLAB_WORKSPACES_DIR: join(folder, "spaces"),
      },
    });
    url = `http://127.0.0.1:${port}`;
    const end = Date.now() + patience;
    while (
      !(await fetch(`${url}/api`).then(
        (reply) => reply.ok,
        () => false,
      ))
    ) {
      if (Date.now() > end) throw new Error("JupyterLab does not answer.");
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    browser = await open();
  });

  after(async function () {
    this.timeout(patience);
    await browser?.close();
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true });
  });

  it("runs in the kernel it names, and draws its chart", async function () {
    this.timeout(patience);
    const page = await browser.newPage({ viewport: { width: 1200, height: 1500 } });
    page.setDefaultTimeout(patience);
    await page.goto(`${url}/lab/tree/counting.ipynb`);
    await page.locator(".jp-Toolbar-kernelName", { hasText: "TypeScript (tunelab)" }).first().waitFor();
    await page.getByRole("menuitem", { name: "Run", exact: true }).click();
    await page.getByRole("menuitem", { name: "Run All Cells", exact: true }).click();
    await page.locator(".jp-OutputArea .js-plotly-plot .main-svg").first().waitFor();
    const outputs = await page.locator(".jp-OutputArea-child").allInnerTexts();
    const text = outputs.join("\n");
    for (const expected of ["2", "3", "total 7", "<TOTAL 7>"])
      assert.ok(text.includes(expected), `${expected} in ${text}`);
    mkdirSync(join(root, "build", "screenshots"), { recursive: true });
    await page.screenshot({ path: join(root, "build", "screenshots", "lab.png") });
  });
});
