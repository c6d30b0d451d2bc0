/** The parts of a notebook file that export and execution look at. */
import { readFileSync } from "node:fs";
import { fail } from "../../lib/errors.js";

export interface NotebookCell {
  type: "code" | "markdown" | "raw";
  source: string;
  tags: readonly string[];
}

interface FileCell {
  cell_type?: string;
  source?: string | string[];
  metadata?: { tags?: string[] };
}

interface NotebookFile {
  cells?: FileCell[];
  metadata?: { kernelspec?: { language?: string }; language_info?: { name?: string } };
}

/**
 * Reads the cells of an .ipynb file (nbformat 4).
 * @param languages what its cells may be written in; a notebook need not say. Defaults to any language.
 */
export function readNotebook(path: string, languages?: readonly string[]): NotebookCell[] {
  let parsed: NotebookFile;
  try {
    parsed = JSON.parse(readFileSync(path, "utf8")) as NotebookFile;
  } catch (cause) {
    fail(`${path} is no notebook that can be read.`, { hint: "Give the path of an .ipynb file.", cause });
  }
  if (!Array.isArray(parsed.cells)) fail(`${path} has no cells.`, { hint: "It has to be a notebook of format 4." });
  const language = parsed.metadata?.kernelspec?.language ?? parsed.metadata?.language_info?.name;
  if (language !== undefined && languages?.includes(language.toLowerCase()) === false) {
    fail(`${path} is written in ${language}, not in TypeScript.`, { hint: "Give a notebook of this kernel." });
  }
  return parsed.cells.map((cell) => ({
    type: cell.cell_type === "markdown" || cell.cell_type === "raw" ? cell.cell_type : "code",
    source: Array.isArray(cell.source) ? cell.source.join("") : (cell.source ?? ""),
    tags: cell.metadata?.tags ?? [],
  }));
}
