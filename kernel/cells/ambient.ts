/**
 * Declarations that tslab's converter forgets after one cell: namespaces, `import x = ...`, `declare global`, and
 * `declare module "..."`. They are carried on as text.
 */
import type { TypeScript } from "./typescript.js";
import { ts } from "./typescript.js";

/** Whether a text of declarations has any: parsing it for every cell would take longer than all else here. */
const ANY = /^(?:export )?(?:declare )?(?:namespace|module|global)\b|^(?:export )?import\s+(?:type\s+)?\w+\s*=/m;

/** What `before` says in those forms and the cell, by its own declarations, did not declare again. */
export function carriedDeclarations(before: string, cell: string): string {
  if (!ANY.test(before)) return "";
  const again = new Set(parse(cell).statements.flatMap(declaredNames));
  const file = parse(before);
  return file.statements
    .filter((statement) => isAugmentation(statement) || (isForgotten(statement) && !again.has(statement.name.text)))
    .map((statement) => `${statement.getText(file)}\n`)
    .join("");
}

/** `declarations` without the globals and module members that the cell's source is about to declare again. */
export function withoutAugmentedAgain(declarations: string, source: string): string {
  if (!/\bdeclare\s+(?:global|module)\b/.test(source) || !ANY.test(declarations)) return declarations;
  const again = new Map<string, Set<string>>();
  for (const statement of parse(source).statements) {
    if (isAugmentation(statement)) again.set(statement.name.text, new Set(membersOf(statement).flatMap(declaredNames)));
  }
  const file = parse(declarations);
  return file.statements
    .map((statement) => {
      const names = isAugmentation(statement) ? again.get(statement.name.text) : undefined;
      if (names === undefined || !isAugmentation(statement)) return statement.getFullText(file);
      const members = membersOf(statement).filter((member) => !declaredNames(member).some((name) => names.has(name)));
      const head = file.text.slice(statement.getStart(file), statement.body?.getStart(file));
      return `\n${head}{${members.map((member) => member.getFullText(file)).join("")}\n}`;
    })
    .join("");
}

/**
 * A cell's source in which a namespace also has what earlier cells put into one of that name, as it would in one file.
 * `names` are those namespaces; what the cell declares anew counts.
 */
export function withEarlierNamespaces(source: string, declarations: string): { text: string; names: string[] } {
  const names: string[] = [];
  if (!/\bnamespace\b/.test(source) || !/\bnamespace\b/.test(declarations)) return { text: source, names };
  const earlier = parse(declarations);
  const { statements } = parse(source);
  let text = source;
  for (const [name, blocks] of [...onlyNamespaces(statements)].reverse()) {
    const before = onlyNamespaces(earlier.statements).get(name);
    const last = blocks.at(-1);
    if (before === undefined || last === undefined) continue;
    const anew = new Set(blocks.flatMap(membersOf).flatMap(declaredNames));
    const kept = before.flatMap(membersOf).filter((member) => !declaredNames(member).some((one) => anew.has(one)));
    const members = kept.map((member) => member.getText(earlier).replaceAll(/\s+/g, " ")).join(" ");
    // Behind the namespace and without a line end, so that the cell's lines stay.
    text = `${text.slice(0, last.end)} declare namespace ${name} { ${members} }${text.slice(last.end)}`;
    names.push(name);
  }
  return { text, names };
}

/** The names that are declared as namespaces and as nothing else, in the order of their last blocks. */
function onlyNamespaces(statements: readonly TypeScript.Statement[]): Map<string, TypeScript.ModuleDeclaration[]> {
  const found = new Map<string, TypeScript.ModuleDeclaration[]>();
  for (const statement of statements) {
    if (isAugmentation(statement) || !ts.isModuleDeclaration(statement)) continue;
    const { text } = statement.name;
    const blocks = found.get(text) ?? [];
    found.delete(text);
    found.set(text, [...blocks, statement]);
  }
  for (const name of statements.filter((one) => !ts.isModuleDeclaration(one)).flatMap(declaredNames))
    found.delete(name);
  return found;
}

/** Names of `declare global`, which are no cell's variables, unless a cell has one of that name as well. */
export function globalNames(declarations: string): Set<string> {
  if (!/\bdeclare global\b/.test(declarations)) return new Set();
  const { statements } = parse(declarations);
  const own = new Set(statements.flatMap(declaredNames));
  const globals = statements.filter(isAugmentation).filter(({ name }) => ts.isIdentifier(name));
  return new Set(
    globals
      .flatMap(membersOf)
      .flatMap(declaredNames)
      .filter((name) => !own.has(name)),
  );
}

type Named = TypeScript.Statement & { name: TypeScript.Identifier };
type Augmentation = TypeScript.ModuleDeclaration;

function isForgotten(statement: TypeScript.Statement): statement is Named {
  return ts.isModuleDeclaration(statement) || ts.isImportEqualsDeclaration(statement);
}

function isAugmentation(statement: TypeScript.Statement): statement is Augmentation {
  return (
    ts.isModuleDeclaration(statement) &&
    (ts.isStringLiteral(statement.name) || (statement.flags & ts.NodeFlags.GlobalAugmentation) !== 0)
  );
}

function membersOf({ body }: Augmentation): readonly TypeScript.Statement[] {
  return body !== undefined && ts.isModuleBlock(body) ? body.statements : [];
}

function declaredNames(statement: TypeScript.Statement): string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(({ name }) => (ts.isIdentifier(name) ? [name.text] : []));
  }
  if (ts.isImportDeclaration(statement)) {
    const { name, namedBindings } = statement.importClause ?? {};
    const others =
      namedBindings === undefined ? [] : ts.isNamespaceImport(namedBindings) ? [namedBindings] : namedBindings.elements;
    return [name, ...others.map((one) => one.name)].flatMap((one) => (one === undefined ? [] : [one.text]));
  }
  const { name } = statement as { name?: TypeScript.Node };
  return name !== undefined && ts.isIdentifier(name) && !isAugmentation(statement) ? [name.text] : [];
}

function parse(text: string): TypeScript.SourceFile {
  return ts.createSourceFile("d.ts", text, ts.ScriptTarget.Latest, false, ts.ScriptKind.TS);
}
