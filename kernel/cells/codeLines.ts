/** The lines of a source at which a debugger can stop: where code begins that is still there without its types. */
import type { TypeScript } from "./typescript.js";
import { ts } from "./typescript.js";

/** From 1, in order. */
export function codeLines(source: string): number[] {
  const file = ts.createSourceFile("cell.ts", source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const lines = new Set<number>();
  const add = (position: number) => lines.add(file.getLineAndCharacterOfPosition(position).line + 1);

  const visit = (node: TypeScript.Node): void => {
    if (isTypeOnly(node)) return;
    if (ts.isCallExpression(node)) add(calleeOf(node));
    else if (ts.isFunctionLike(node) && "body" in node && node.body !== undefined) {
      const body = node.body as TypeScript.Node;
      // A function can be stopped where it returns.
      add(ts.isBlock(body) ? body.end - 1 : body.getStart(file));
    } else if (beginsCode(node)) add(node.getStart(file));
    ts.forEachChild(node, visit);
  };
  visit(file);
  return [...lines].sort((a, b) => a - b);

  function calleeOf({ expression }: TypeScript.CallExpression): number {
    return (ts.isPropertyAccessExpression(expression) ? expression.name : expression).getStart(file);
  }
}

function beginsCode(node: TypeScript.Node): boolean {
  if (ts.isVariableStatement(node)) return node.declarationList.declarations.some(({ initializer }) => initializer);
  return (
    ts.isExpressionStatement(node) ||
    ts.isIfStatement(node) ||
    ts.isIterationStatement(node, false) ||
    ts.isSwitchStatement(node) ||
    ts.isReturnStatement(node) ||
    ts.isThrowStatement(node) ||
    ts.isBreakOrContinueStatement(node) ||
    ts.isDebuggerStatement(node) ||
    ts.isNewExpression(node)
  );
}

function isTypeOnly(node: TypeScript.Node): boolean {
  if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) || ts.isTypeNode(node)) return true;
  return (
    ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.DeclareKeyword)
  );
}
