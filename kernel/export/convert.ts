/** A cell's statements as they stand in a module. */
import ts from "typescript";
import type { CodeCell } from "./cell.js";
import { boundNames, declaredNames, isBlock } from "./names.js";
import type { Plan, SharedName } from "./plan.js";

/** Calls whose value nobody wants to see. */
const silentCalls = /^(console\.\w+|display|clearOutput|page)$/;

/**
 * The cell without its imports, its repeated declarations turned into assignments, its last value shown.
 * @param index which code cell it is, to know whether it is the first that declares a name
 * @param show the name of the function that shows a value
 */
export function convertCell(cell: CodeCell, index: number, plan: Plan, show: string): string {
  const { statements } = cell.file;
  const last = statements.at(-1);
  const inBlock = isBlock(cell);
  const first: string[] = [];
  const body: string[] = [];
  const declarations = new Set<string>();
  const isFirst = (name: string): boolean => plan.declared.get(name) === index && !declarations.has(name);

  /** `let` lines for those of the names that have none yet. */
  const declare = (names: readonly string[]): string =>
    names
      .filter(isFirst)
      .map((name) => {
        declarations.add(name);
        const type = plan.shared.get(name)?.type;
        return `let ${name}${type === undefined ? "" : `: ${type}`};\n`;
      })
      .join("");

  /** `let x = value` where the first declaration can stay one, otherwise `x = value`. */
  const assign = (names: readonly string[], target: string, value: string): [before: string, statement: string] => {
    const inPlace = names.every((name) => isFirst(name) && (plan.shared.get(name) as SharedName).declaredInPlace);
    if (inPlace) {
      for (const name of names) declarations.add(name);
      return ["", `let ${target} = ${value};`];
    }
    return [declare(names), target.startsWith("{") ? `(${target} = ${value});` : `${target} = ${value};`];
  };

  for (const statement of statements) {
    if (ts.isImportDeclaration(statement)) {
      body.push(leadingComments(statement));
      continue;
    }
    const shares = declaredNames(statement).some((name) => plan.shared.has(name));
    if (shares && ts.isVariableStatement(statement)) {
      const pieces = statement.declarationList.declarations.map((declaration) =>
        sharedVariable(declaration, statement, plan, assign),
      );
      first.push(...pieces.map(([before]) => before));
      body.push(leadingComments(statement) + pieces.map(([, text]) => text).join("\n"));
    } else if (inBlock && isForOthers(statement)) {
      first.push(`${statement.getFullText().trim()}\n`);
    } else if (shares && !ts.isEnumDeclaration(statement)) {
      const [name = ""] = declaredNames(statement);
      const [before, text] = assign([name], name, asExpression(statement, name));
      first.push(before);
      const whole = `${leadingComments(statement)}${text}\n`;
      // Functions can be called from above their declaration.
      if (!ts.isFunctionDeclaration(statement)) body.push(whole);
      else if (inBlock) body.unshift(whole.trimEnd());
      else first.push(whole);
    } else if (statement === last && ts.isExpressionStatement(statement) && isWorthShowing(statement.expression)) {
      body.push(`${leadingComments(statement)}${show}(${argument(statement.expression)});`);
    } else if (!isOverloadOfShared(statement, plan)) {
      body.push(`${statement.getFullText().replace(/^\n+|^[ \t]+/, "")}${missingSemicolon(statement)}`);
    }
  }
  const trailing = cell.source.slice(cell.file.endOfFileToken.getFullStart());
  const text = [...body, trailing].filter((part) => part.trim() !== "").join("\n");
  const block = inBlock ? `{\n${indent(text)}\n}` : text;
  const guarded = cell.mayFail ? `try ${block} catch (error) {\n  console.error(error);\n}` : block;
  const timed = cell.timed ? `console.time("Wall time");\n${guarded}\nconsole.timeEnd("Wall time");` : guarded;
  return (first.join("") + timed).trim();
}

/** Whether the converted cell shows its last value. */
export function showsLastValue({ file }: CodeCell): boolean {
  const last = file.statements.at(-1);
  return last !== undefined && ts.isExpressionStatement(last) && isWorthShowing(last.expression);
}

function sharedVariable(
  declaration: ts.VariableDeclaration,
  statement: ts.VariableStatement,
  { shared }: Plan,
  assign: (names: readonly string[], target: string, value: string) => [before: string, statement: string],
): [before: string, statement: string] {
  const names = boundNames(declaration.name);
  if (!names.some((name) => shared.has(name))) {
    const keyword = statement.declarationList.flags & ts.NodeFlags.Const ? "const" : "let";
    return ["", `${keyword} ${declaration.getText()};`];
  }
  const value = declaration.initializer?.getText() ?? "undefined";
  return assign(names, declaration.name.getText(), value);
}

/**
 * What ends a statement that the end of its line ended so far: the next one may begin with a parenthesis, a bracket or a
 * backquote, and go on where this one stopped.
 */
function missingSemicolon(statement: ts.Statement): string {
  const goesOn =
    ts.isVariableStatement(statement) ||
    ts.isExpressionStatement(statement) ||
    ts.isThrowStatement(statement) ||
    ts.isExportAssignment(statement);
  return goesOn && statement.getLastToken()?.kind !== ts.SyntaxKind.SemicolonToken ? ";" : "";
}

/** A cell shows whatever its last expression gives, an assignment's value too; these calls give nothing. */
function isWorthShowing(expression: ts.Expression): boolean {
  const inner = innermost(expression);
  if (ts.isCallExpression(inner)) return !silentCalls.test(inner.expression.getText());
  return !ts.isVoidExpression(inner);
}

/** The expression without parentheses, type assertions and `await`. */
function innermost(expression: ts.Expression): ts.Expression {
  const wraps =
    ts.isParenthesizedExpression(expression) ||
    ts.isAsExpression(expression) ||
    ts.isSatisfiesExpression(expression) ||
    ts.isNonNullExpression(expression) ||
    ts.isAwaitExpression(expression);
  return wraps ? innermost(expression.expression) : expression;
}

function argument(expression: ts.Expression): string {
  const isList = ts.isBinaryExpression(expression) && expression.operatorToken.kind === ts.SyntaxKind.CommaToken;
  return isList ? `(${expression.getText()})` : expression.getText();
}

/** Types, enums and namespaces, which later cells know however the cell ends, and which nothing can be assigned to. */
function isForOthers(statement: ts.Statement): boolean {
  return (
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) ||
    ts.isEnumDeclaration(statement) ||
    ts.isModuleDeclaration(statement)
  );
}

/** A function or a class as a value; an abstract class can only be declared. */
function asExpression(statement: ts.Statement, name: string): string {
  const text = statement.getText();
  const isAbstract =
    ts.isClassDeclaration(statement) && statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.AbstractKeyword);
  return isAbstract ? `(() => {\n${indent(text)}\n  return ${name};\n})()` : text;
}

/** A shared function becomes an expression, which has no overload signatures. */
function isOverloadOfShared(statement: ts.Statement, { shared }: Plan): boolean {
  return (
    ts.isFunctionDeclaration(statement) &&
    !statement.body &&
    statement.name !== undefined &&
    shared.has(statement.name.text)
  );
}

function leadingComments(statement: ts.Statement): string {
  const text = statement.getFullText().slice(0, statement.getLeadingTriviaWidth()).replace(/^\n+/, "");
  return text.trim() === "" ? "" : text;
}

/** Lines of a template are part of its text. */
const indent = (text: string): string => (text.includes("`") ? text : text.replaceAll(/^(?=.)/gm, "  "));
