// npx tsx notebooks/embedded/recipe/corpus.ts [documents] [folder]: writes the base corpus as corpus.txt.
// A line with the end-of-text token follows each document. The default is the size that the shipped model was trained on.
import { closeSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { corpusDocument, separator } from "./documents.js";

const count = Number(process.argv[2] ?? 400_000);
const folder = process.argv[3] ?? join(import.meta.dirname, "..", "..", "..", "build", "embedded");
const path = join(folder, "corpus.txt");
mkdirSync(folder, { recursive: true });
const file = openSync(`${path}.partial`, "w");
let bytes = 0;
for (let index = 0; index < count; index += 1000) {
  const last = Math.min(count, index + 1000);
  let text = "";
  for (let i = index; i < last; i++) text += `${corpusDocument(i)}\n${separator}\n`;
  bytes += writeSync(file, text);
}
closeSync(file);
renameSync(`${path}.partial`, path);
console.log(`corpus.txt: ${count} documents, ${bytes} bytes`);
