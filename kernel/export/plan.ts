/**
 * A notebook may declare a name again in a later cell, a module may not. The plan says which names that are, and so
 * must become one variable that later declarations assign to.
 */
import ts from "typescript";
import { fail } from "../../lib/errors.js";
import type { CodeCell } from "./cell.js";
import { boundNames, declaredNames, isBlock, references } from "./names.js";

/** How a name that is declared more than once is written. */
export interface SharedName {
  /** The type that all its declarations were given, if they agree. */
  type: string | undefined;
  /**
   * `let x;` takes the type of what was last assigned, except where a function refers to it. Then the first declaration
   * stays one, with an initial value that gives the type.
   */
  declaredInPlace: boolean;
}

export interface Plan {
  shared: ReadonlyMap<string, SharedName>;
  /** The names that any cell declares, with the first cell that does. */
  declared: ReadonlyMap<string, number>;
}

export function planNames(cells: readonly CodeCell[]): Plan {
  const declared = new Map<string, number>();
  const again = new Set<string>();
  const imported = new Set(cells.flatMap((cell) => importedNames(cell)));
  refuseMixedKinds(cells);
  cells.forEach((cell, index) => {
    for (const name of new Set(statementsThatShare(cell).flatMap(declaredNames))) {
      if (imported.has(name)) {
        fail(`The name "${name}" is imported and declared as well.`, { hint: "Give one of the two another name." });
      }
      if (declared.has(name) || isBlock(cell)) again.add(name);
      if (!declared.has(name)) declared.set(name, index);
    }
  });
  withCompanions(cells, again);
  const captured = new Set(cells.flatMap((cell) => capturedNames(cell)));
  const inBlocks = new Set(cells.filter(isBlock).flatMap((cell) => cell.file.statements.flatMap(declaredNames)));
  const shared = new Map<string, SharedName>();
  for (const name of again) {
    const type = commonType(cells, name);
    const declaredInPlace = type === undefined && captured.has(name) && !inBlocks.has(name);
    shared.set(name, { type, declaredInPlace });
  }
  return { shared, declared };
}

/** What merges with its own kind cannot become a variable either. */
function refuseMixedKinds(cells: readonly CodeCell[]): void {
  const statements = cells.flatMap(({ file }) => [...file.statements]);
  const others = new Set(statements.filter((one) => !ts.isEnumDeclaration(one)).flatMap(declaredNames));
  const variables = new Set(statements.filter(ts.isVariableStatement).flatMap(declaredNames));
  for (const statement of statements) {
    const isEnum = ts.isEnumDeclaration(statement);
    if (!isEnum && !(ts.isModuleDeclaration(statement) && ts.isIdentifier(statement.name))) continue;
    const name = statement.name.text;
    if ((isEnum ? others : variables).has(name)) {
      fail(`The name "${name}" is ${isEnum ? "an enum" : "a namespace"} in one cell and something else in another.`, {
        hint: "Give one of the two another name.",
      });
    }
  }
}

/** Enums merge by themselves. */
const statementsThatShare = ({ file }: CodeCell): ts.Statement[] =>
  file.statements.filter((statement) => !ts.isEnumDeclaration(statement));

/** A pattern is assigned as a whole, so all its names must be variables. */
function withCompanions(cells: readonly CodeCell[], names: Set<string>): void {
  let size: number;
  do {
    size = names.size;
    for (const { name } of cells.flatMap(variableDeclarations)) {
      const bound = boundNames(name);
      if (bound.some((one) => names.has(one))) for (const one of bound) names.add(one);
    }
  } while (names.size > size);
}

function variableDeclarations({ file }: CodeCell): ts.VariableDeclaration[] {
  return file.statements.flatMap((statement) =>
    ts.isVariableStatement(statement) ? [...statement.declarationList.declarations] : [],
  );
}

function commonType(cells: readonly CodeCell[], name: string): string | undefined {
  const types = cells
    .flatMap(variableDeclarations)
    .filter((declaration) => boundNames(declaration.name).includes(name))
    .map((declaration) => (ts.isIdentifier(declaration.name) ? declaration.type?.getText() : undefined));
  const isFunction = cells.some((cell) =>
    cell.file.statements.some((one) => !ts.isVariableStatement(one) && declaredNames(one).includes(name)),
  );
  return !isFunction && types.every((type) => type === types[0]) ? types[0] : undefined;
}

function capturedNames(cell: CodeCell): string[] {
  return [...references(cell)].filter(([, { captured }]) => captured).map(([name]) => name);
}

/** The names that a cell's imports give. */
export function importedNames({ file }: CodeCell): string[] {
  return file.statements.flatMap((statement) => {
    const clause = ts.isImportDeclaration(statement) ? statement.importClause : undefined;
    const bindings = clause?.namedBindings;
    const named = bindings === undefined ? [] : ts.isNamespaceImport(bindings) ? [bindings] : [...bindings.elements];
    return [clause?.name?.text, ...named.map(({ name }) => name.text)].filter((name) => name !== undefined);
  });
}
