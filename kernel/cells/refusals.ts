/** Cells that tslab or a front-end project would take, and this kernel does not: each with the way out. */
import type { CellMetadata } from "./tslab.js";
import type { TypeScript } from "./typescript.js";
import { ts } from "./typescript.js";

const NO_JSX =
  "JSX cannot be compiled in a cell. Write HTML in a cell that begins with %%html, or build the component " +
  "with a bundler and import the result.";

/** Why the cell cannot run, if what it asks for does not exist here. */
export function refusalOf(source: string, metadata: CellMetadata): string | undefined {
  if (metadata.mode === "browser") {
    return (
      "/** @browser */ cells do not exist here: cells run in Node. " +
      "Show HTML and scripts in a cell that begins with %%html."
    );
  }
  if (metadata.jsx === true) return NO_JSX;
  return /<[/\w>]/.test(source) && isJsx(source) ? NO_JSX : undefined;
}

/** Whether the text is no TypeScript, but would be with JSX. */
function isJsx(source: string): boolean {
  if (parse(source, ts.ScriptKind.TS).faults === 0) return false;
  const { file, faults } = parse(source, ts.ScriptKind.TSX);
  return (
    faults === 0 &&
    contains(file, (node) => ts.isJsxElement(node) || ts.isJsxSelfClosingElement(node) || ts.isJsxFragment(node))
  );
}

function parse(source: string, kind: TypeScript.ScriptKind): { file: TypeScript.SourceFile; faults: number } {
  const file = ts.createSourceFile("cell.tsx", source, ts.ScriptTarget.Latest, false, kind);
  return { file, faults: (file as typeof file & { parseDiagnostics: readonly unknown[] }).parseDiagnostics.length };
}

function contains(node: TypeScript.Node, is: (node: TypeScript.Node) => boolean): boolean {
  return is(node) || ts.forEachChild(node, (child) => contains(child, is) || undefined) === true;
}
