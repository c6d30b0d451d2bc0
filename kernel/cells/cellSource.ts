/**
 * What a module may say and a cell need not: export words, a line for the shell that starts scripts, an object literal
 * that a statement's place makes a block. Rewritten before compilation, such that lines and columns stay.
 */
import { faultsOf } from "./faults.js";
import type { TypeScript } from "./typescript.js";
import { ts } from "./typescript.js";

export interface CellSource {
  text: string;
  /** The line (from 1) before whose first character a parenthesis was put, one column further to the right. */
  opened?: number;
}

export function toCellSource(source: string): CellSource {
  const text = withoutExports(source.replace(/^\uFEFF?#!.*/, (line) => " ".repeat(line.length)));
  const start = objectLiteralStart(text);
  if (start === undefined) return { text };
  const end = text.trimEnd().length;
  return {
    text: `${text.slice(0, start)}(${text.slice(start, end)})${text.slice(end)}`,
    opened: text.slice(0, start).split("\n").length,
  };
}

/** Whether the cell begins with `// @ts-nocheck`, by which a file asks for no type errors. */
export function isUnchecked(text: string): boolean {
  const comments = text.includes("@ts-nocheck") ? ts.getLeadingCommentRanges(text, 0) : undefined;
  return comments?.some(({ pos, end }) => /^\/\/\s*@ts-nocheck\b/.test(text.slice(pos, end))) ?? false;
}

/** Exports mean nothing in a notebook: what they declare is declared, what they name from elsewhere is imported. */
function withoutExports(source: string): string {
  if (!/\bexport\b/.test(source)) return source;
  const file = ts.createSourceFile("cell.ts", source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  let out = source;
  const put = (start: number, end: number, text: string) => {
    const fitted = source.slice(start, end - text.length).replaceAll(/[^\r\n]/g, " ") + text;
    out = out.slice(0, start) + fitted + out.slice(end);
  };
  // From the end, so that the positions before stay right.
  for (const statement of [...file.statements].reverse()) {
    if (ts.isExportDeclaration(statement)) {
      const start = statement.getStart(file);
      if (statement.moduleSpecifier === undefined) put(start, statement.end, "");
      else if (statement.exportClause !== undefined) put(start, start + "export".length, "import");
    } else if (ts.isExportAssignment(statement) && !statement.isExportEquals) {
      const { expression } = statement;
      out = `${out.slice(0, expression.end)})${out.slice(expression.end)}`;
      put(statement.getStart(file), expression.getStart(file), "(");
    } else if (ts.canHaveModifiers(statement)) {
      const words = (ts.getModifiers(statement) ?? []).filter(({ kind }) => exportWords.has(kind));
      const isAnonymous = "name" in statement && statement.name === undefined && words.length > 1;
      if (isAnonymous) out = `${out.slice(0, statement.end)})${out.slice(statement.end)}`;
      words.forEach((word, index) => {
        put(word.getStart(file), word.end, isAnonymous && index === words.length - 1 ? "(" : "");
      });
    }
  }
  return out;
}

const exportWords = new Set<TypeScript.SyntaxKind>([ts.SyntaxKind.ExportKeyword, ts.SyntaxKind.DefaultKeyword]);

/**
 * Where an object literal begins that ends the cell, and that the grammar takes for a block. A cell that is nothing else
 * counts as one when it can be one, as in Node's and Deno's consoles; behind other statements it must name a property.
 */
function objectLiteralStart(text: string): number | undefined {
  if (!text.trimEnd().endsWith("}")) return undefined;
  const file = ts.createSourceFile("cell.ts", text, ts.ScriptTarget.Latest, false, ts.ScriptKind.TS);
  const block = file.statements.find(
    (statement, index) => ts.isBlock(statement) && (index === file.statements.length - 1 || hasFault(file, statement)),
  );
  if (block === undefined) return undefined;
  const start = block.getStart(file);
  const literal = ts.createSourceFile(
    "o.ts",
    `(${text.slice(start)})`,
    ts.ScriptTarget.Latest,
    false,
    ts.ScriptKind.TS,
  );
  const [only, ...others] = literal.statements;
  if (faultsOf(literal).length > 0 || others.length > 0 || only === undefined) return undefined;
  if (!ts.isExpressionStatement(only) || !ts.isParenthesizedExpression(only.expression)) return undefined;
  const { expression } = only.expression;
  if (!ts.isObjectLiteralExpression(expression) || !expression.properties.every(isWhole)) return undefined;
  return block === file.statements[0] || expression.properties.some(ts.isPropertyAssignment) ? start : undefined;
}

/** The parser also takes `{ f() }` and `{ a = 1 }`, which are blocks that call and assign. */
function isWhole(property: TypeScript.ObjectLiteralElementLike): boolean {
  if (ts.isShorthandPropertyAssignment(property)) return property.objectAssignmentInitializer === undefined;
  return ts.isPropertyAssignment(property) || ts.isSpreadAssignment(property) || property.body !== undefined;
}

function hasFault(file: TypeScript.SourceFile, { pos, end }: TypeScript.Node): boolean {
  return faultsOf(file).some(({ start = -1 }) => start >= pos && start <= end);
}
