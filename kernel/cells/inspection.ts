/** What a name at the cursor is, or the function whose arguments the cursor stands in. */
import { relative } from "node:path/posix";
import { documentationOf, toMarkdown, toPlain } from "./documentation.js";
import type { TypeScript } from "./typescript.js";
import { ts } from "./typescript.js";

export interface Inspection {
  text: string;
  markdown: string;
}

type Checker = TypeScript.TypeChecker;

/** An inspection at two levels of detail: the second one also says where the name is declared. */
export type Inspect = (detailed: boolean) => Inspection;

const MAX_DECLARATION_LINES = 60;
/** Characters, from which on types are abridged. */
const MAX_SIGNATURE = 500;

/** `locate` gives the file that lies behind a path of the program, if any does. */
export function inspectAt(
  file: TypeScript.SourceFile,
  checker: Checker,
  position: number,
  locate: (path: string) => string | undefined,
): Inspect | undefined {
  for (const node of nodesAt(file, position)) {
    const symbol = symbolAt(node, checker);
    if (symbol !== undefined) return (detailed) => describe(symbol, node, file, checker, detailed ? locate : undefined);
  }
  return undefined;
}

/** The nodes that may be meant, the likeliest first. */
function nodesAt(file: TypeScript.SourceFile, position: number): TypeScript.Node[] {
  const before = position > 0 ? ts.getTouchingPropertyName(file, position - 1) : file;
  const behind = ts.getTouchingPropertyName(file, position);
  const callee = calleeAround(file, position);
  const isAfterName = isWord(before) && before.getStart(file) < position;
  const nodes = isAfterName ? [before, behind, callee] : [callee, behind, before];
  // A cursor before the first letter of an argument is in the call as much as at the name.
  if (!isAfterName && isWord(behind) && !/[(,]\s*$/.test(file.text.slice(0, position))) nodes.unshift(behind);
  return nodes.filter((node) => node !== undefined && node !== file) as TypeScript.Node[];
}

function isWord(node: TypeScript.Node): boolean {
  return ts.isIdentifier(node) || ts.isPrivateIdentifier(node) || ts.isStringLiteralLike(node);
}

/** The name of the function whose arguments the position is among. */
function calleeAround(file: TypeScript.SourceFile, position: number): TypeScript.Node | undefined {
  let node = ts.findPrecedingToken(position, file);
  for (; node !== undefined && !ts.isSourceFile(node); node = node.parent) {
    if (!ts.isCallExpression(node) && !ts.isNewExpression(node)) continue;
    const { expression, end } = node;
    const isClosed = file.text[end - 1] === ")" && position >= end;
    if (isClosed || !file.text.slice(expression.end, Math.max(position, expression.end)).includes("(")) continue;
    return ts.isPropertyAccessExpression(expression) ? expression.name : expression;
  }
  return undefined;
}

/** An import is what it imports, unless that is a whole file, which has no more to say. */
function symbolAt(node: TypeScript.Node, checker: Checker): TypeScript.Symbol | undefined {
  const symbol = optionAt(node, checker) ?? checker.getSymbolAtLocation(node);
  if (symbol === undefined || !(symbol.flags & ts.SymbolFlags.Alias)) return symbol;
  const target = checker.getAliasedSymbol(symbol);
  return target.declarations?.some((declaration) => !ts.isSourceFile(declaration)) ? target : symbol;
}

/** The property that is declared for a name in an object literal. */
function optionAt(node: TypeScript.Node, checker: Checker): TypeScript.Symbol | undefined {
  const element = node.parent;
  if (!ts.isObjectLiteralElement(element) || element.name !== node || !ts.isObjectLiteralExpression(element.parent)) {
    return undefined;
  }
  const type = checker.getContextualType(element.parent);
  return type && checker.getPropertyOfType(checker.getNonNullableType(type), (node as TypeScript.Identifier).text);
}

function describe(
  symbol: TypeScript.Symbol,
  node: TypeScript.Node,
  file: TypeScript.SourceFile,
  checker: Checker,
  locate: ((path: string) => string | undefined) | undefined,
): Inspection {
  const declarations = symbol.declarations ?? [];
  const signature = importOf(declarations) ?? signatureOf(symbol, node, file, checker);
  const called = calledDeclaration(node, checker);
  const documentation = documentationOf(called === undefined ? declarations : [called, ...declarations]);
  const plain = [signature];
  const markdown = [fenced(signature)];
  if (documentation !== undefined) {
    plain.push(toPlain(documentation));
    markdown.push(toMarkdown(documentation));
  }
  const [declaration] = declarations;
  if (locate !== undefined && declaration !== undefined && !isOfNotebook(declaration, file)) {
    const { place, text } = sourceOf(declaration, locate);
    plain.push(`Declared${place && ` in ${place}`}:`, text);
    markdown.push(`Declared${place && ` in \`${place}\``}:`, fenced(text));
  }
  return { text: plain.join("\n\n"), markdown: markdown.join("\n\n") };
}

function isOfNotebook(declaration: TypeScript.Declaration, file: TypeScript.SourceFile): boolean {
  const own = declaration.getSourceFile();
  return own === file || own === file.parent;
}

/** A declaration's text, and the file and line in which it stands, where there is a file. */
function sourceOf(
  declaration: TypeScript.Declaration,
  locate: (path: string) => string | undefined,
): { place: string; text: string } {
  const file = declaration.getSourceFile();
  const path = locate(file.fileName);
  const { line } = file.getLineAndCharacterOfPosition(declaration.getStart(file));
  const lines = declaration.getText(file).split("\n");
  const text = [...lines.slice(0, MAX_DECLARATION_LINES), ...(lines.length > MAX_DECLARATION_LINES ? ["…"] : [])];
  return { place: path === undefined ? "" : `${relative(process.cwd(), path)}:${line + 1}`, text: text.join("\n") };
}

function signatureOf(
  symbol: TypeScript.Symbol,
  node: TypeScript.Node,
  file: TypeScript.SourceFile,
  checker: Checker,
): string {
  const place = [checker, symbol, file, ts.getContainerNode(node), node] as const;
  const { displayParts = [] } = ts.SymbolDisplay.getSymbolDisplayPartsDocumentationAndSymbolKind(
    ...([...place, undefined, undefined, MAX_SIGNATURE] as const),
  );
  return displayParts.map(({ text }) => text).join("");
}

function importOf([declaration]: readonly TypeScript.Declaration[]): string | undefined {
  const statement = declaration && ts.findAncestor(declaration, ts.isImportDeclaration);
  return statement?.getText();
}

/** Of a function's name in a call, the overload that is called. */
function calledDeclaration(node: TypeScript.Node, checker: Checker): TypeScript.Declaration | undefined {
  const callee = ts.isPropertyAccessExpression(node.parent) && node.parent.name === node ? node.parent : node;
  const call = callee.parent;
  if (!(ts.isCallExpression(call) || ts.isNewExpression(call)) || call.expression !== callee) return undefined;
  return checker.getResolvedSignature(call)?.getDeclaration();
}

function fenced(code: string): string {
  return `\`\`\`typescript\n${code}\n\`\`\``;
}
