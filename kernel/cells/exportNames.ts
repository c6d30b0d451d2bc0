/** The export list of a package, read from its declarations, so that no second list has to be kept. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TypeScript } from "./typescript.js";
import { ts } from "./typescript.js";

/** Every name that the package at `root` exports, values and types. */
export function exportNames(root: string): string[] {
  const path = typesOf(root);
  if (path === undefined || !existsSync(path)) return [];
  const names = new Set<string>();
  collect(path, names, new Set());
  names.delete("default");
  return [...names];
}

/** The file with the types of the package's main entry. */
function typesOf(root: string): string | undefined {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    types?: string;
    exports?: { "."?: { types?: string } };
  };
  const types = manifest.exports?.["."]?.types ?? manifest.types;
  return types === undefined ? undefined : join(root, types);
}

function collect(path: string, names: Set<string>, visited: Set<string>): void {
  if (visited.has(path)) return;
  visited.add(path);
  const file = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, false, ts.ScriptKind.TS);
  for (const statement of file.statements) {
    if (ts.isExportDeclaration(statement)) collectExport(statement, path, names, visited);
    else if (hasExportModifier(statement)) collectDeclared(statement, names);
  }
}

function collectExport(
  statement: TypeScript.ExportDeclaration,
  path: string,
  names: Set<string>,
  visited: Set<string>,
): void {
  const clause = statement.exportClause;
  if (clause && ts.isNamedExports(clause)) {
    for (const element of clause.elements) names.add(element.name.text);
  } else if (clause) {
    names.add(clause.name.text);
  } else if (statement.moduleSpecifier && ts.isStringLiteral(statement.moduleSpecifier)) {
    const target = join(dirname(path), statement.moduleSpecifier.text.replace(/\.(m?)js$/, ".d.$1ts"));
    if (existsSync(target)) collect(target, names, visited);
  }
}

function hasExportModifier(statement: TypeScript.Statement): boolean {
  return (
    ts.canHaveModifiers(statement) &&
    ts.getModifiers(statement)?.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword) === true
  );
}

function collectDeclared(statement: TypeScript.Statement, names: Set<string>): void {
  if (ts.isVariableStatement(statement)) {
    for (const { name } of statement.declarationList.declarations) if (ts.isIdentifier(name)) names.add(name.text);
    return;
  }
  const name = (statement as { name?: TypeScript.Node }).name;
  if (name && ts.isIdentifier(name)) names.add(name.text);
}
