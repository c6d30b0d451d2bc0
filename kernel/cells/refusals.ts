/** Cells that tslab or a front-end project would take, and this kernel does not: each with the way out. */
import { faultsOf } from "./faults.js";
import type { CellMetadata } from "./tslab.js";
import type { TypeScript } from "./typescript.js";
import { ts } from "./typescript.js";

const NO_JSX =
  "JSX cannot be compiled in a cell. Put it into a .tsx file beside the notebook and import that, " +
  "or write HTML in a cell that begins with %%html.";

/** Why the cell cannot run, if what it asks for does not exist here. */
export function refusalOf(source: string, metadata: CellMetadata): string | undefined {
  if (metadata.mode === "browser") {
    return (
      "/** @browser */ cells do not exist here: cells run in Node. " +
      "Show HTML and scripts in a cell that begins with %%html."
    );
  }
  if (metadata.jsx === true) return NO_JSX;
  if (/<[/\w>]/.test(source) && isJsx(source)) return NO_JSX;
  return /\bexport\s*\*|\bexports\b/.test(source) ? refusedStatement(source) : undefined;
}

function refusedStatement(source: string): string | undefined {
  for (const statement of parse(source, ts.ScriptKind.TS).statements) {
    if (ts.isExportDeclaration(statement) && statement.moduleSpecifier && !statement.exportClause) {
      return `"export *" names nothing that later cells could use. Import the names that you need instead.`;
    }
    if (ts.isVariableStatement(statement) && statement.declarationList.declarations.some(declaresExports)) {
      return `A cell cannot declare "exports", by which cells share their names. Choose another name.`;
    }
  }
  return undefined;
}

function declaresExports({ name }: TypeScript.VariableDeclaration): boolean {
  return ts.isIdentifier(name) && name.text === "exports";
}

/** Whether the text is no TypeScript, but would be with JSX. */
function isJsx(source: string): boolean {
  if (faultsOf(parse(source, ts.ScriptKind.TS)).length === 0) return false;
  const file = parse(source, ts.ScriptKind.TSX);
  return (
    faultsOf(file).length === 0 &&
    contains(file, (node) => ts.isJsxElement(node) || ts.isJsxSelfClosingElement(node) || ts.isJsxFragment(node))
  );
}

function parse(source: string, kind: TypeScript.ScriptKind): TypeScript.SourceFile {
  return ts.createSourceFile("cell.tsx", source, ts.ScriptTarget.Latest, false, kind);
}

function contains(node: TypeScript.Node, is: (node: TypeScript.Node) => boolean): boolean {
  return is(node) || ts.forEachChild(node, (child) => contains(child, is) || undefined) === true;
}
