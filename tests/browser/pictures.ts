/** Makes the README's pictures anew: `node --import=tsx tests/browser/pictures.ts`. Look at them before they are kept. */
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../environment/paths.mjs";
import { notebookOf } from "../frontends/jupyter.js";
import { untilStep } from "./cases/training.js";
import { openChromium } from "./chromium.js";
import { FrontEnd, type FrontEndName } from "./frontEnd.js";

interface Scene {
  file: string;
  frontEnd: FrontEndName;
  /** Of the page, in pixels. */
  height: number;
  play(frontEnd: FrontEnd): Promise<void>;
}

const rows = `interface Case { question: string; days: number }
const cases: Case[] = [
  { question: "fever and a cough", days: 3 },
  { question: "a painful knee", days: 21 },
];`;
const mean = `function mean(values: number[]): number {
  const sum = values.reduce((a, b) => a + b, 0);
  return sum / values.length;
}
mean(cases.map((one) => one.days))`;

const scenes: Scene[] = [
  {
    file: "training",
    frontEnd: "JupyterLab",
    height: 800,
    async play(lab) {
      const filter = (path: string): boolean => !/(?:outputs|images)$/.test(path);
      cpSync(join(root, "notebooks"), lab.folder, { recursive: true, filter });
      await lab.show("article.ipynb");
      await lab.runAll();
      await untilStep(lab.page, 28);
      await lab.page.locator('.jp-OutputArea-output img[alt^="Training"]').hover();
    },
  },
  {
    file: "completion",
    frontEnd: "JupyterLab",
    // Lower, the names would cover the cell.
    height: 800,
    async play(lab) {
      const { page } = lab;
      writeFileSync(join(lab.folder, "options.ipynb"), notebookOf("const maxSteps = 60;"));
      await lab.show("options.ipynb");
      await lab.runAll();
      await lab.type("const args = new TrainingArguments({ maxSteps, learningrate: 2e-4 });");
      await page.keyboard.press("Control+Enter");
      await lab.output("Did you mean").waitFor();
      await lab.type("const args = new TrainingArguments({\nmaxSteps,\nlearningRate: 2e-4,\nlo");
      await page.keyboard.press("Tab");
      await page.locator(".jp-Completer .jp-Completer-item").first().waitFor();
    },
  },
  {
    file: "debugger",
    frontEnd: "JupyterLab",
    height: 560,
    async play(lab) {
      const { page } = lab;
      writeFileSync(join(lab.folder, "mean.ipynb"), notebookOf(rows, mean));
      await lab.show("mean.ipynb");
      await lab.runAll();
      await lab.output("12").waitFor();
      await lab.debug(page.locator(".jp-CodeCell", { hasText: "function mean" }), 3);
      await lab.runAll();
      await page.locator(".jp-DebuggerVariables-body", { hasText: "sum" }).first().waitFor();
    },
  },
  {
    file: "notebook",
    frontEnd: "Notebook 7",
    height: 1060,
    async play(notebook) {
      await notebook.show("stopButton.ipynb");
      await notebook.runAll();
      await untilStep(notebook.page, 250);
    },
  },
];

for (const { file, frontEnd: name, height, play } of scenes) {
  if (process.argv.length > 2 && !process.argv.includes(file)) continue;
  const frontEnd = await FrontEnd.start(name, openChromium, ["stopButton.ipynb"]);
  try {
    await frontEnd.page.setViewportSize({ width: 1200, height });
    await play(frontEnd);
    await frontEnd.page.waitForTimeout(500);
    await frontEnd.page.screenshot({ path: join(root, "notebooks", "images", `${file}.png`) });
  } finally {
    await frontEnd.stop();
  }
}
