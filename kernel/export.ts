/** Turns a notebook into a TypeScript module that runs on its own: `tunelab export`. */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import ts from "typescript";
import { fail } from "../lib/errors.js";
import { asComment, type CodeCell, parseCell } from "./export/cell.js";
import { convertCell, showsLastValue } from "./export/convert.js";
import { Imports } from "./export/imports.js";
import { type Reference, references } from "./export/names.js";
import { type NotebookCell, readNotebook } from "./export/notebook.js";
import { notebookOnlyNames } from "./export/notebookOnly.js";
import { defaultOutput, howToRun } from "./export/place.js";
import { importedNames, type Plan, planNames } from "./export/plan.js";
import { type Preloaded, preloadedNames, SCRIPT_MODULE } from "./export/preloaded.js";
import * as widgets from "./runner/widgets/index.js";

/** What cells that are TypeScript may be said to be. */
const LANGUAGES = ["typescript", "javascript"];

/** Writes the script beside the notebook, or to `output`, and gives its path. */
export async function exportNotebook(notebook: string, output = defaultOutput(notebook)): Promise<string> {
  const target = resolve(output);
  const folder = dirname(target);
  const rewrite = (module: string): string => moveImport(module, dirname(resolve(notebook)), folder);
  const text = exportSource(readNotebook(notebook, LANGUAGES), {
    rewrite,
    workingFolder: relative(folder, dirname(resolve(notebook))),
  });
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${target}.tmp`, howToRun(text, target) + text);
  renameSync(`${target}.tmp`, target);
  return target;
}

export interface ExportOptions {
  /** Gives the name under which the script finds a module that a cell imports. Defaults to the same name. */
  rewrite?: (module: string) => string;
  /** The kernel's working folder, seen from the script's, so that relative paths mean the same. Defaults to none. */
  workingFolder?: string;
  /** The names that cells have without importing them. Defaults to those of the kernel. */
  preloaded?: ReadonlyMap<string, Preloaded>;
}

/** The text of the script. */
export function exportSource(
  cells: readonly NotebookCell[],
  { rewrite = (module) => module, workingFolder, preloaded = preloadedNames() }: ExportOptions = {},
): string {
  const parsed = cells.map((cell) => (cell.type === "code" ? parseCell(cell.source, cell.tags) : undefined));
  const code = parsed.filter((cell) => cell !== undefined);
  const plan = planNames(code);
  const show = nameToShowWith(code, plan);
  const header = collectImports(code, plan, rewrite, preloaded, show);
  const parts = cells.map((cell, index) => {
    const converted = parsed[index];
    if (converted !== undefined) return convertCell(converted, code.indexOf(converted), plan, show);
    // A cell that is no TypeScript (another language, a shell command, one with a fault) is kept for the reader.
    return asComment(cell.type === "code" ? `Not run, for it is no TypeScript:\n${cell.source}` : cell.source);
  });
  const folder = workingFolder === undefined ? "" : enter(workingFolder);
  return `${[header, folder, ...parts].filter((part) => part.trim() !== "").join("\n\n")}\n`;
}

function enter(folder: string): string {
  const path = ["import.meta.dirname", ...(folder === "" ? [] : [JSON.stringify(`/${folder.replaceAll("\\", "/")}`)])];
  return `// Relative paths are those of the notebook.\nprocess.chdir(${path.join(" + ")});`;
}

/** What ES2024 brought and Node 20 lacks: kernel/script.ts adds it as the kernel does. */
const ES2024 =
  /\b(?:groupBy|withResolvers|transfer(?:ToFixedLength)?|SuppressedError|(?:Async)?DisposableStack)\b|\.detached\b|\busing \w+ (?:=|of) /;

function collectImports(
  cells: readonly CodeCell[],
  plan: Plan,
  rewrite: (module: string) => string,
  preloaded: ReadonlyMap<string, Preloaded>,
  show: string,
): string {
  const imports = new Imports();
  const used = allReferences(cells);
  const imported = new Set(cells.flatMap(importedNames));
  for (const statement of cells.flatMap((cell) => [...cell.file.statements])) {
    if (!ts.isImportDeclaration(statement)) continue;
    imports.addDeclaration(
      statement,
      (module) => (module === "tslab" ? "tunelab/tslab" : rewrite(module)),
      (local) => {
        const use = used.get(local);
        return use === undefined ? "unused" : use.value ? "value" : "type";
      },
    );
  }
  if (cells.some(showsLastValue)) {
    if (show === "display") used.set(show, { value: true, captured: false });
    else imports.add(SCRIPT_MODULE, "display", show);
  }
  const notebookOnly = notebookOnlyNames();
  const kept: string[] = [];
  for (const [name, { value }] of used) {
    const source = preloaded.get(name);
    if (notebookOnly.has(name) && !imported.has(name) && !plan.declared.has(name)) {
      fail(`The notebook uses "${name}", which works in a notebook only: a script has no front end that answers.`, {
        hint: "Give the value in the code instead, and leave that cell out.",
      });
    }
    if (source === undefined || imported.has(name) || plan.declared.has(name)) continue;
    imports.add(source.module, source.imported, name, source.typeOnly || !value);
    // A training shows its chart through it.
    if (source.module === "tunelab") imports.addEffect(SCRIPT_MODULE);
    if (Object.hasOwn(widgets, name)) kept.push(name);
  }
  if (cells.some(({ source }) => ES2024.test(source))) imports.addEffect(SCRIPT_MODULE);
  const lines = [imports.toString()];
  if (kept.length > 0) {
    lines.push(
      `\n// Nobody moves or presses the widgets of a script (${kept.join(", ")}): they keep the values that the code gives them.`,
    );
  }
  if (used.get("require")?.value && !plan.declared.has("require")) {
    lines.unshift('import { createRequire } from "node:module";');
    lines.push("\nconst require = createRequire(import.meta.url);");
  }
  return lines.filter((line) => line !== "").join("\n");
}

/** What the script calls `display`, of which the notebook may have its own, such as tslab's. */
function nameToShowWith(cells: readonly CodeCell[], { declared }: Plan): string {
  const own = new Set([...declared.keys(), ...cells.flatMap(importedNames)]);
  if (!own.has("display")) return "display";
  const used = allReferences(cells);
  let name = "show";
  while (own.has(name) || used.has(name)) name += "_";
  return name;
}

function allReferences(cells: readonly CodeCell[]): Map<string, Reference> {
  const all = new Map<string, Reference>();
  for (const [name, { value, captured }] of cells.flatMap((cell) => [...references(cell)])) {
    const known = all.get(name);
    all.set(name, { value: value || (known?.value ?? false), captured: captured || (known?.captured ?? false) });
  }
  return all;
}

/** A file is found from the script's folder as it was from the notebook's. */
function moveImport(module: string, from: string, to: string): string {
  if (!module.startsWith("./") && !module.startsWith("../")) return module;
  const moved = relative(to, resolve(from, module)).replaceAll("\\", "/");
  return moved.startsWith(".") ? moved : `./${moved}`;
}
