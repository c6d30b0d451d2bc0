// The article's notebook: what it shows must be what the embedded model was made for.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { trainPromptStyle } from "../../notebooks/embedded/template.js";

interface Notebook {
  cells: { cell_type: string; source: string[]; outputs?: unknown[]; execution_count?: number | null }[];
}

const path = join(import.meta.dirname, "..", "..", "notebooks", "article.ipynb");
const notebook = JSON.parse(readFileSync(path, "utf8")) as Notebook;
const code = notebook.cells.filter((cell) => cell.cell_type === "code");
const text = code.map((cell) => cell.source.join("")).join("\n");

describe("the article's notebook", () => {
  it("shows the template that the tokenizer and the checks use", () => {
    assert.ok(text.includes(`const trainPromptStyle = \`${trainPromptStyle}\``));
  });

  it("has the article's options", () => {
    for (const option of [
      "r: 16",
      "loraAlpha: 16",
      "loraDropout: 0",
      'useGradientCheckpointing: "unsloth"',
      "randomState: 7",
      "perDeviceTrainBatchSize: 2",
      "gradientAccumulationSteps: 4",
      "maxSteps: 60",
      "warmupRatio: 0.1",
      "ARTICLE_LEARNING_RATE = 2e-4",
      'optim: "adamw_8bit"',
      "weightDecay: 0.01",
      'lrSchedulerType: "linear"',
      "seed: 3407",
    ]) {
      assert.ok(text.includes(option), option);
    }
  });

  it("is stored without outputs", () => {
    for (const cell of code) assert.deepEqual([cell.outputs, cell.execution_count], [[], null]);
  });
});
