// npx tsx notebooks/embedded/recipe/count.ts answers.json: counts the answers that check_finetune.py wrote.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { scoreAnswer } from "../score.js";
import type { MedicalRow } from "../template.js";

interface Run {
  readonly rate: number;
  readonly answers: readonly string[];
}

const runs = JSON.parse(readFileSync(process.argv[2]!, "utf8")) as Run[];
const rows = readFileSync(join(import.meta.dirname, "..", "data", "test.jsonl"), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as MedicalRow);
for (const { rate, answers } of runs) {
  const scores = answers.map((text, i) => scoreAnswer(text, rows[i]!));
  const count = (key: "form" | "condition" | "right") => scores.filter((score) => score[key]).length;
  const lymphoma = scores.filter((_, i) => rows[i]!.Response.includes("lymphoma"));
  const lymphomaRight = lymphoma.filter((score) => score.right).length;
  console.log(
    `learning rate ${rate}: form ${count("form")}, condition ${count("condition")}, right ${count("right")} of ${answers.length}` +
      ` (lymphoma ${lymphomaRight} of ${lymphoma.length})`,
  );
}
