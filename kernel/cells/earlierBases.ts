/**
 * A class keeps the base with which it was declared, also after a later cell has declared that base anew. So do its types:
 * the older declaration stays, under a name that nobody types.
 */
import type { TypeScript } from "./typescript.js";
import { ts } from "./typescript.js";

/** What tells such a name: a middle dot, which identifiers may have, and a number. */
const EARLIER = /·\d+$/;
/** Whether declarations may have anything to do here; parsing them for every cell would take longer. */
const ANY = /\bclass\s[^{]*\bextends\b/;

type Class = TypeScript.ClassDeclaration & { name: TypeScript.Identifier };

export function isEarlierBase(name: string): boolean {
  return EARLIER.test(name);
}

/**
 * The declarations `after` a cell that has declared the values `declared`, in which classes of earlier cells extend what
 * they extended `before` it.
 */
export function withEarlierBases(after: string, before: string, declared: ReadonlySet<string>): string {
  if (!ANY.test(before)) return after;
  const earlier = classesOf(parse(before));
  const file = parse(after);
  const current = classesOf(file);
  /** A class that is declared anew as it was is no other to its heirs' types. */
  const isReplaced = (name: string): boolean => {
    const one = earlier.get(name);
    if (one === undefined || !declared.has(name)) return false;
    return textOf(one) !== textOf(current.get(name)) || isReplaced(baseOf(one)?.text ?? "");
  };
  const kept = new Map<string, string>();
  const keptName = (name: string): string => {
    let number = 1;
    while (after.includes(`${name}·${number}`)) number++;
    kept.set(name, `${name}·${number}`);
    return `${name}·${number}`;
  };
  const renamed = (names: readonly TypeScript.Identifier[]): Rename[] =>
    names.filter(({ text }) => isReplaced(text)).map((at) => ({ at, to: kept.get(at.text) ?? keptName(at.text) }));

  const heirs = [...current.values()].filter(({ name }) => !declared.has(name.text));
  const bases = heirs.flatMap((heir) => baseOf(heir) ?? []);
  // What a class extends that is no name has been given one: `declare const B_base: ...`.
  const spelled = bases.flatMap(({ text }) => constantOf(file, text) ?? []).flatMap((one) => references(one));
  let result = withRenames(file, renamed([...bases, ...spelled]));
  // What is kept may extend what has to be kept as well.
  for (const [name, other] of kept) {
    const one = earlier.get(name) as Class;
    const self = references(one).filter(({ text }) => text === name);
    const base = baseOf(one);
    const renames = [...self.map((at) => ({ at, to: other })), ...renamed(base === undefined ? [] : [base])];
    result += `\n${withRenames(one, renames)}\n`;
  }
  return withoutUnused(result);
}

interface Rename {
  at: TypeScript.Identifier;
  to: string;
}

function withRenames(node: TypeScript.Node, renames: readonly Rename[]): string {
  const start = node.getStart();
  let text = node.getText();
  for (const { at, to } of [...renames].sort((one, other) => other.at.pos - one.at.pos)) {
    text = text.slice(0, at.getStart() - start) + to + text.slice(at.end - start);
  }
  return text;
}

/** The names in a declaration that mean something outside it, or itself. */
function references(declaration: TypeScript.Node): TypeScript.Identifier[] {
  const found: TypeScript.Identifier[] = [];
  const visit = (node: TypeScript.Node): void => {
    if (ts.isIdentifier(node) && isReference(node)) found.push(node);
    ts.forEachChild(node, visit);
  };
  visit(declaration);
  return found;
}

function isReference(name: TypeScript.Identifier): boolean {
  const { parent } = name;
  if (ts.isQualifiedName(parent) || ts.isPropertyAccessExpression(parent)) return parent.getStart() === name.getStart();
  return [ts.isClassDeclaration, ts.isTypeReferenceNode, ts.isTypeQueryNode, ts.isExpressionWithTypeArguments].some(
    (is) => is(parent),
  );
}

function constantOf(file: TypeScript.SourceFile, name: string): TypeScript.VariableDeclaration | undefined {
  return file.statements
    .flatMap((statement) => (ts.isVariableStatement(statement) ? statement.declarationList.declarations : []))
    .find((one) => ts.isIdentifier(one.name) && one.name.text === name);
}

/** Their last heir may have been declared anew. */
function withoutUnused(declarations: string): string {
  const file = parse(declarations);
  for (const [name, one] of classesOf(file)) {
    if (!isEarlierBase(name)) continue;
    const others = declarations.slice(0, one.pos) + declarations.slice(one.end);
    if (!others.includes(name)) return withoutUnused(others);
  }
  return declarations;
}

function classesOf(file: TypeScript.SourceFile): Map<string, Class> {
  const classes = file.statements.filter((statement): statement is Class => ts.isClassDeclaration(statement));
  return new Map(classes.map((one) => [one.name.text, one]));
}

/** The name at which what a class extends begins. */
function baseOf(one: Class): TypeScript.Identifier | undefined {
  const clause = one.heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword);
  let expression: TypeScript.Node | undefined = clause?.types[0]?.expression;
  while (expression !== undefined && ts.isPropertyAccessExpression(expression)) expression = expression.expression;
  return expression !== undefined && ts.isIdentifier(expression) ? expression : undefined;
}

function textOf(one: Class | undefined): string | undefined {
  return one?.getText().replaceAll(/\s+/g, " ");
}

function parse(text: string): TypeScript.SourceFile {
  return ts.createSourceFile("d.ts", text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
}
