// The training and held-out question sets, built from cases that never meet.
import type { MedicalRow } from "../template.js";
import { type Case, drawCase, heldOutCases, signature } from "./cases.js";
import { conditions } from "./content/conditions.js";
import { questionRow } from "./questions.js";
import { Random } from "./random.js";

export interface WrittenCase {
  readonly item: Case;
  readonly row: MedicalRow;
}

const trainingRounds = 60;

/** Training rows in rounds: each has one case of every condition that is not kept for the held-out part. */
export function trainingSet(): WrittenCase[] {
  const random = new Random("training rows");
  const seen = new Set<string>();
  const out: WrittenCase[] = [];
  const taught = conditions.filter((condition) => !condition.heldOutOnly);
  for (let round = 0; round < trainingRounds; round++) {
    for (const condition of random.shuffle(taught)) {
      let item = drawCase(random, condition);
      while (seen.has(signature(item))) item = drawCase(random, condition);
      seen.add(signature(item));
      out.push({ item, row: questionRow(random, item) });
    }
  }
  return out;
}

export function heldOutSet(): WrittenCase[] {
  const random = new Random("held-out rows");
  return heldOutCases.map((item) => ({ item, row: questionRow(random, item) }));
}

export function toJsonLines(rows: readonly WrittenCase[]): string {
  return rows.map(({ row }) => `${JSON.stringify(row)}\n`).join("");
}
