/** What a cell declares at its top level and what it refers to. */
import ts from "typescript";
import type { CodeCell } from "./cell.js";

/** The names that a binding introduces: one for an identifier, several for a pattern. */
export function boundNames(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((element) => (ts.isOmittedExpression(element) ? [] : boundNames(element.name)));
}

/** Whether the statement is `using x = …`: what it holds is disposed of at the end of its cell. */
export function isUsing(statement: ts.Statement): boolean {
  return ts.isVariableStatement(statement) && (statement.declarationList.flags & ts.NodeFlags.Using) !== 0;
}

/** Whether the cell stands in a block of its own in the script, so that the names that it declares must stand before. */
export function isBlock({ file, mayFail }: CodeCell): boolean {
  return mayFail || file.statements.some(isUsing);
}

/** The names of values that the statement declares, in the cell's own scope, for other cells. */
export function declaredNames(statement: ts.Statement): string[] {
  if (isUsing(statement)) return [];
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap((declaration) => boundNames(declaration.name));
  }
  const named =
    ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement) || ts.isEnumDeclaration(statement);
  // An overload without a body declares nothing of its own.
  if (!named || (ts.isFunctionDeclaration(statement) && !statement.body)) return [];
  return statement.name === undefined ? [] : [statement.name.text];
}

/** How a cell refers to a name. */
export interface Reference {
  /** As a value, so that it exists at run time. */
  value: boolean;
  /** From inside a function, which may run when the name has another value. */
  captured: boolean;
}

/** Every name that the cell mentions, its own declarations aside; a name shadowed in a function counts as mentioned. */
export function references({ file }: CodeCell): Map<string, Reference> {
  const found = new Map<string, Reference>();
  const visit = (node: ts.Node, captured: boolean, type: boolean): void => {
    if (ts.isIdentifier(node) && isReference(node)) {
      const entry = found.get(node.text) ?? { value: false, captured: false };
      found.set(node.text, { value: entry.value || !type, captured: entry.captured || captured });
    }
    const inFunction = captured || ts.isFunctionLike(node) || ts.isClassLike(node);
    // `typeof x` inside a type needs no value at run time; `extends X` of a class does.
    const inType = (type || ts.isTypeNode(node) || isTypeDeclaration(node)) && !isSuperclass(node);
    ts.forEachChild(node, (child) => visit(child, inFunction, inType));
  };
  ts.forEachChild(file, (child) => {
    if (!ts.isImportDeclaration(child)) visit(child, false, false);
  });
  return found;
}

const isTypeDeclaration = (node: ts.Node): boolean =>
  ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node);

const isSuperclass = (node: ts.Node): boolean =>
  ts.isExpressionWithTypeArguments(node) &&
  ts.isHeritageClause(node.parent) &&
  ts.isClassLike(node.parent.parent) &&
  node.parent.token === ts.SyntaxKind.ExtendsKeyword;

/** Whether the identifier stands for a variable, rather than naming a property, a parameter or a declaration. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name !== node;
  if (ts.isQualifiedName(parent)) return parent.right !== node;
  if (ts.isBindingElement(parent)) return parent.initializer === node;
  if (ts.isShorthandPropertyAssignment(parent)) return true;
  if (ts.isLabeledStatement(parent) || ts.isBreakOrContinueStatement(parent)) return false;
  if ("name" in parent && parent.name === node) return false;
  return true;
}
