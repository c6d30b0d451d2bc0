/** The names that the kernel preloads and a script has to import, with the module that has them. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";
import { packageRoot, readPreload } from "../preload.js";

export interface Preloaded {
  module: string;
  /** Name in the module; "*" for the module as a whole. */
  imported: string;
  typeOnly: boolean;
}

/** Where a script has the runner's globals from. */
export const SCRIPT_MODULE = "tunelab/script";

export function preloadedNames(): Map<string, Preloaded> {
  const names = new Map<string, Preloaded>();
  for (const { namespace } of readPreload({}).modules) {
    // By tunelab's own name a script finds the library's copy, wherever the script lies.
    if (namespace !== undefined) {
      names.set(namespace, { module: `tunelab/${namespace}`, imported: "*", typeOnly: false });
    }
  }
  for (const [module, path] of [
    [SCRIPT_MODULE, "kernel/script"],
    ["tunelab", "lib/index"],
  ] as const) {
    for (const [name, typeOnly] of exportedNames(builtOrSource(path)))
      names.set(name, { module, imported: name, typeOnly });
  }
  return names;
}

function builtOrSource(path: string): string {
  const built = join(packageRoot, "dist", `${path}.d.ts`);
  return existsSync(built) ? built : join(packageRoot, `${path}.ts`);
}

/** What a module exports, read from its text: name and whether it is a type only. */
export function exportedNames(path: string): Map<string, boolean> {
  const found = new Map<string, boolean>();
  const file = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true);
  for (const statement of file.statements) {
    if (ts.isExportDeclaration(statement)) {
      for (const [name, typeOnly] of reexported(statement, path)) found.set(name, typeOnly);
    } else if (ts.canHaveModifiers(statement) && ts.getModifiers(statement)?.some(isExport)) {
      for (const [name, typeOnly] of exportedHere(statement)) found.set(name, typeOnly);
    }
  }
  return found;
}

const isExport = (modifier: ts.Modifier): boolean => modifier.kind === ts.SyntaxKind.ExportKeyword;

function* reexported(statement: ts.ExportDeclaration, path: string): Generator<[string, boolean]> {
  const clause = statement.exportClause;
  if (clause === undefined) {
    const module = statement.moduleSpecifier;
    const source = module && ts.isStringLiteral(module) ? sourceOf(module.text, path) : undefined;
    if (source !== undefined) yield* exportedNames(source);
  } else if (ts.isNamespaceExport(clause)) {
    yield [clause.name.text, statement.isTypeOnly];
  } else {
    for (const { name, isTypeOnly } of clause.elements) yield [name.text, statement.isTypeOnly || isTypeOnly];
  }
}

function* exportedHere(statement: ts.Statement): Generator<[string, boolean]> {
  if (ts.isVariableStatement(statement)) {
    for (const { name } of statement.declarationList.declarations) {
      if (ts.isIdentifier(name)) yield [name.text, false];
    }
  } else if ("name" in statement && statement.name !== undefined && ts.isIdentifier(statement.name as ts.Node)) {
    const typeOnly = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement);
    yield [(statement.name as ts.Identifier).text, typeOnly];
  }
}

function sourceOf(specifier: string, from: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  const base = join(dirname(from), specifier.replace(/\.js$/, ""));
  return [`${base}.d.ts`, `${base}.ts`].find(existsSync);
}
