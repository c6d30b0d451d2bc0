// The base corpus as a sequence of documents: mostly case notes, the rest encyclopedia entries.
import { drawCase } from "./cases.js";
import { conditions } from "./content/conditions.js";
import { comparison, conditionEntry, craftPage, findingEntry } from "./encyclopedia.js";
import { caseNote } from "./notes.js";
import { Random } from "./random.js";

/** Stands alone on the line between two documents; it is also the tokenizer's end-of-text token. */
export const separator = "<|endoftext|>";

/** The lymphomas are written about twice as often: the question rows for training never mention such a case. */
const subjects = [...conditions, ...conditions.filter((condition) => condition.heldOutOnly)];

/** Document number `index` of the corpus; each has its own seed, so that any slice can be made alone. */
export function corpusDocument(index: number): string {
  const random = new Random(`corpus document ${index}`);
  const part = random.next();
  if (part < 0.66) return caseNote(random, drawCase(random, random.pick(subjects), random.chance(0.4)));
  if (part < 0.77) return conditionEntry(random, random.pick(subjects));
  if (part < 0.87) return findingEntry(random);
  if (part < 0.94) return comparison(random);
  return craftPage(random);
}
