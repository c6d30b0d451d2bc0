/**
 * The last step from a cell to something that runs: the converter's ES module becomes the body of
 * `async function (exports, __cell) { ... }`. Only text within lines is exchanged, so line numbers stay.
 *
 * - Each name that the cell declares is bound to the notebook's scope by accessors, so that later cells read and write
 *   the same variable that this cell's functions close over.
 * - Imports read from modules that the runner has loaded beforehand; `import()` and `import.meta` stay what they are.
 * - After each await the cell asks whether it was interrupted.
 * - The last expression is returned in a box, so that a promise as a cell's value is shown, not awaited.
 */
import type { TypeScript } from "./typescript.js";
import { ts } from "./typescript.js";

/** A static import: what it names, and its line (from 0) in the body. */
export interface CellImport {
  specifier: string;
  line: number;
}

export interface CellFunction {
  body: string;
  /** How much of the body's first line stands before the cell's own code. */
  head: number;
  /** In order. */
  imports: CellImport[];
  /** Names that the cell declares. */
  names: string[];
}

/** Behind a comma, a function or class without a name gets none from the box either. */
const RETURN = "return { value: (0, ";

/** How TypeScript's own code for `using` begins. */
const DISPOSAL = "{ stack: [], error: void 0, hasError: false };";

interface Edit {
  start: number;
  end: number;
  text: string;
}

/**
 * @param globals names that are the process's own even where the converter took them for an earlier cell's
 * @param continued names that begin with the value that an earlier cell gave them
 */
export function toCellFunction(
  module: string,
  lastExpression: string | undefined,
  globals: ReadonlySet<string> = new Set(),
  continued: readonly string[] = [],
): CellFunction {
  const source = module.replace(/\n?\/\/# sourceMappingURL=\S*\s*$/, "");
  const file = ts.createSourceFile("cell.js", source, ts.ScriptTarget.ES2024, true, ts.ScriptKind.JS);
  const edits: Edit[] = [];
  const imports: CellImport[] = [];
  const names: string[] = [];
  const fixed = new Set<string>();
  let head = "";

  visit(file);
  for (const statement of file.statements) {
    if (ts.isImportDeclaration(statement)) {
      const specifier = (statement.moduleSpecifier as TypeScript.StringLiteral).text;
      imports.push({ specifier, line: file.getLineAndCharacterOfPosition(statement.getStart(file)).line });
      head += importBindings(statement, specifier, fixed);
      blank(statement);
    } else if (ts.isExportDeclaration(statement) && statement.moduleSpecifier === undefined) {
      if (statement.exportClause && ts.isNamedExports(statement.exportClause)) {
        for (const element of statement.exportClause.elements) names.push(element.name.text);
      }
      blank(statement);
    } else if (ts.isVariableStatement(statement)) {
      const first = statement.declarationList.declarations[0];
      if (lastExpression !== undefined && first?.initializer && first.name.getText(file) === lastExpression) {
        edits.push({
          start: statement.getStart(file),
          end: first.initializer.getStart(file),
          text: RETURN,
        });
        edits.push({ start: first.initializer.end, end: statement.end, text: ") };" });
      } else if (statement.declarationList.flags & ts.NodeFlags.Const) {
        for (const declaration of statement.declarationList.declarations) collectNames(declaration.name, fixed);
      }
    }
  }
  returnLastInside(file.statements);
  const accessors = names.map((name) =>
    fixed.has(name) ? `get ${name}(){return ${name}}` : `get ${name}(){return ${name}},set ${name}(v){${name}=v}`,
  );
  if (accessors.length > 0) head = `__cell.bind({${accessors.join(",")}});${head}`;
  // Read before the names are bound anew.
  head = continued.map((name) => `var ${name}=exports.${name};`).join("") + head;
  return { body: head + applyEdits(source, edits), head: head.length, imports, names };

  /** Behind `using`, TypeScript puts the rest of the cell into a block that disposes at its end. */
  function returnLastInside(statements: readonly TypeScript.Statement[]): void {
    const at = statements.findLastIndex((statement) => !ts.isExportDeclaration(statement));
    const block = statements[at];
    const before = statements[at - 1];
    if (block === undefined || !ts.isTryStatement(block) || !before?.getText(file).endsWith(DISPOSAL)) return;
    const last = block.tryBlock.statements.at(-1);
    if (last === undefined || !ts.isExpressionStatement(last)) return;
    edits.push({ start: last.getStart(file), end: last.getStart(file), text: RETURN });
    edits.push({ start: last.expression.end, end: last.end, text: ") };" });
  }

  function blank(node: TypeScript.Node): void {
    const start = node.getStart(file);
    edits.push({ start, end: node.end, text: source.slice(start, node.end).replace(/[^\n]+/g, "") });
  }

  function visit(node: TypeScript.Node): void {
    if (ts.isAwaitExpression(node)) {
      edits.push({ start: node.getStart(file), end: node.getStart(file), text: "__cell.check(" });
      edits.push({ start: node.end, end: node.end, text: ")" });
    } else if (ts.isForOfStatement(node) && node.awaitModifier && ts.isBlock(node.statement)) {
      const inside = node.statement.getStart(file) + 1;
      edits.push({ start: inside, end: inside, text: "__cell.check();" });
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      edits.push({ start: node.expression.getStart(file), end: node.expression.end, text: "__cell.import" });
    } else if (ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword) {
      edits.push({ start: node.getStart(file), end: node.end, text: "__cell.meta" });
    } else if (ts.isPropertyAccessExpression(node) && globals.has(node.name.text) && isScope(node.expression)) {
      edits.push({ start: node.getStart(file), end: node.name.getStart(file), text: "" });
    }
    ts.forEachChild(node, visit);
  }
}

function isScope(expression: TypeScript.Expression): boolean {
  return ts.isIdentifier(expression) && expression.text === "exports";
}

function importBindings(declaration: TypeScript.ImportDeclaration, specifier: string, fixed: Set<string>): string {
  const clause = declaration.importClause;
  if (clause === undefined) return "";
  const module = `__cell.module(${JSON.stringify(specifier)})`;
  let text = "";
  if (clause.name) {
    fixed.add(clause.name.text);
    text += `const ${clause.name.text}=${module}.default;`;
  }
  const bindings = clause.namedBindings;
  if (bindings === undefined) return text;
  if (ts.isNamespaceImport(bindings)) {
    fixed.add(bindings.name.text);
    return `${text}const ${bindings.name.text}=${module};`;
  }
  const elements = bindings.elements.map((element) => {
    fixed.add(element.name.text);
    return `${JSON.stringify((element.propertyName ?? element.name).text)}:${element.name.text}`;
  });
  return `${text}const {${elements.join(",")}}=${module};`;
}

function collectNames(name: TypeScript.BindingName, into: Set<string>): void {
  if (ts.isIdentifier(name)) {
    into.add(name.text);
    return;
  }
  for (const element of name.elements) if (ts.isBindingElement(element)) collectNames(element.name, into);
}

function applyEdits(source: string, edits: Edit[]): string {
  // At one position the order of arrival decides: outer openings before inner ones, closings before what replaces more.
  const ordered = edits
    .map((edit, order) => ({ ...edit, order }))
    .sort((a, b) => a.start - b.start || a.order - b.order);
  let out = "";
  let position = 0;
  for (const edit of ordered) {
    if (edit.start < position) continue;
    out += source.slice(position, edit.start) + edit.text;
    position = edit.end;
  }
  return out + source.slice(position);
}
