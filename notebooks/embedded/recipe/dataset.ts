// npx tsx notebooks/embedded/recipe/dataset.ts: writes data/train.jsonl and data/test.jsonl.
import { join } from "node:path";
import { heldOutSet, toJsonLines, trainingSet } from "./sets.js";
import { writeFile } from "./writeFile.js";

const data = join(import.meta.dirname, "..", "data");
for (const [name, rows] of [
  ["train", trainingSet()],
  ["test", heldOutSet()],
] as const) {
  writeFile(join(data, `${name}.jsonl`), toJsonLines(rows));
  console.log(`data/${name}.jsonl: ${rows.length} rows`);
}
