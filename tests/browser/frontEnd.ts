/** JupyterLab and Notebook 7 in a browser: a server with a folder of notebooks of its own and nobody's settings, a page. */
import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Locator, Page } from "playwright-core";
import { frontEndsVenv, programOf, venv } from "../../environment/paths.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const fixtures = join(root, "tests", "fixtures", "notebooks");
/** Where pictures of the pages go. */
const pictures = join(root, "build", "screenshots");
export const patience = 180_000;
/** Of one step, less than of a whole test, so that it is the step that is named when it fails. */
const stepPatience = 60_000;

/** JupyterLab is the one that `npm run lab` opens. */
const programs = {
  JupyterLab: { program: programOf(venv, "jupyter-lab"), path: (name: string) => `lab/tree/${name}?reset` },
  "Notebook 7": { program: programOf(frontEndsVenv, "jupyter-notebook"), path: (name: string) => `notebooks/${name}` },
};

const BUG = '[data-jp-item-name="debugger-icon"] jp-button';

export type FrontEndName = keyof typeof programs;

export class FrontEnd {
  #shown: string | undefined;

  private constructor(
    readonly name: FrontEndName,
    /** Where its notebooks are. */
    readonly folder: string,
    readonly page: Page,
    private readonly url: string,
    private readonly end: () => Promise<void>,
  ) {}

  /** Starts one over copies of the named notebooks of tests/fixtures. */
  static async start(
    name: FrontEndName,
    open: () => Promise<Browser>,
    notebooks: readonly string[],
  ): Promise<FrontEnd> {
    const folder = mkdtempSync(join(tmpdir(), "front-end-"));
    const files = join(folder, "notebooks");
    mkdirSync(files);
    for (const notebook of notebooks) copyFileSync(join(fixtures, notebook), join(files, notebook));
    const port = await freePort();
    const server = startServer(programs[name].program, port, folder);
    const url = `http://127.0.0.1:${port}`;
    let browser: Browser | undefined;
    const end = async () => {
      await browser?.close();
      const ended = new Promise((resolve) => server.once("exit", resolve));
      server.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true });
    };
    try {
      browser = await open();
      await untilItAnswers(`${url}/api`);
      const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
      page.setDefaultTimeout(stepPatience);
      return new FrontEnd(name, files, page, url, end);
    } catch (error) {
      await end();
      throw error;
    }
  }

  /** Shows a notebook, which is not loaded again when it is there. */
  async show(notebook: string): Promise<void> {
    if (this.#shown === notebook) return;
    this.#shown = notebook;
    await this.page.goto(`${this.url}/${programs[this.name].path(notebook)}`);
    await this.page.locator(".jp-Toolbar-kernelName", { hasText: "TypeScript (tunelab)" }).first().waitFor();
    // What is run before that is dropped.
    await this.page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').first().waitFor();
  }

  async menu(name: string, item: string): Promise<void> {
    await this.page.getByRole("menuitem", { name, exact: true }).click();
    // Without the keys that stand beside it.
    await this.page.locator(".lm-Menu-itemLabel").getByText(item, { exact: true }).click();
  }

  runAll(): Promise<void> {
    return this.menu("Run", "Run All Cells");
  }

  /** Adds a cell at the end and types into it. */
  async type(text: string): Promise<void> {
    const cells = this.page.locator(".jp-Notebook .jp-Cell");
    const count = await cells.count();
    await cells.last().locator(".jp-InputPrompt").click();
    await this.page.keyboard.press("b");
    await cells.nth(count).waitFor();
    await this.page.keyboard.press("Enter");
    await this.page.keyboard.type(text);
  }

  /** Turns JupyterLab's debugger on, with a breakpoint at a line of a cell, from 1. */
  async debug(cell: Locator, line: number): Promise<void> {
    await this.page.locator(`${BUG}:not([aria-disabled="true"])`).click();
    await this.page.locator(`${BUG}[aria-pressed="true"]`).waitFor();
    // JupyterLab drops what is clicked while its session with the debugger begins.
    await this.page.waitForTimeout(3000);
    await cell.locator(".cm-breakpoint-gutter .cm-gutterElement").nth(line).click();
    await cell.locator(".cm-breakpoint-icon").first().waitFor({ state: "attached" });
  }

  async leaveDebugger(): Promise<void> {
    await this.page.locator(BUG).click();
    await this.page.locator(`${BUG}[aria-pressed="false"]`).waitFor();
  }

  /** The first output with that text. */
  output(hasText: string | RegExp): Locator {
    return this.page.locator(".jp-OutputArea-output", { hasText }).first();
  }

  /** Where Jupyter says that a cell went wrong. */
  get errors(): Locator {
    return this.page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.error"]');
  }

  async picture(name: string): Promise<void> {
    mkdirSync(pictures, { recursive: true });
    await this.page.screenshot({ path: join(pictures, `${name}.png`) });
  }

  stop(): Promise<void> {
    return this.end();
  }
}

/** One for all the tests of a describe block, whose tests go on where the one before left the page. */
export function useFrontEnd(
  name: FrontEndName,
  open: () => Promise<Browser>,
  notebooks: readonly string[],
): () => FrontEnd {
  let frontEnd: FrontEnd | undefined;
  before(async function () {
    this.timeout(patience);
    frontEnd = await FrontEnd.start(name, open, notebooks);
  });
  after(async function () {
    this.timeout(patience);
    await frontEnd?.stop();
  });
  afterEach(async function () {
    const test = this.currentTest;
    if (test?.state === "failed") await frontEnd?.picture(`failed-${`${name} ${test.title}`.replaceAll(/\W+/g, "-")}`);
  });
  return () => frontEnd as FrontEnd;
}

function startServer(program: string, port: number, folder: string): ChildProcess {
  const options = ["--no-browser", "--allow-root", `--port=${port}`, "--port-retries=0", "--IdentityProvider.token="];
  return spawn(program, [...options, `--ServerApp.root_dir=${join(folder, "notebooks")}`], {
    stdio: "ignore",
    env: {
      ...process.env,
      TUNELAB_PROFILE: "embedded",
      JUPYTER_PREFER_ENV_PATH: "1",
      JUPYTER_CONFIG_DIR: join(folder, "config"),
      // With the signatures of the notebooks that somebody trusts.
      JUPYTER_DATA_DIR: join(folder, "data"),
      JUPYTERLAB_WORKSPACES_DIR: join(folder, "spaces"),
    },
  });
}

async function untilItAnswers(url: string): Promise<void> {
  const end = Date.now() + patience;
  while (!(await answers(url))) {
    if (Date.now() > end) throw new Error("The server does not answer.");
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
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
