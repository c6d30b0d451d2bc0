/** The declarations that earlier cells left behind, as text; and what of them stays when a cell fails half-way. */
import type { TypeScript } from "./typescript.js";
import { ts } from "./typescript.js";

/**
 * The declarations after a cell that failed: `after` is what success would have left, `before` what was there,
 * `lost` the names that the cell declared but did not come to give a value. Those keep their earlier meaning.
 */
export function withoutLostNames(after: string, before: string, lost: ReadonlySet<string>): string {
  if (lost.size === 0) return after;
  const kept = filterNames(after, (name) => !lost.has(name));
  const restored = filterNames(before, (name) => lost.has(name));
  return `${kept}\n${restored}`;
}

function filterNames(declarations: string, keep: (name: string) => boolean): string {
  const file = ts.createSourceFile("d.ts", declarations, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const out: string[] = [];
  for (const statement of file.statements) {
    if (ts.isVariableStatement(statement)) {
      const word = declarationWord(statement.declarationList.flags);
      for (const { name, type } of statement.declarationList.declarations) {
        if (!ts.isIdentifier(name) || !keep(name.text)) continue;
        out.push(`declare ${word} ${name.text}: ${type?.getText(file) ?? "any"};`);
      }
    } else if (ts.isImportDeclaration(statement)) {
      out.push(...filterImport(statement, file, keep));
    } else {
      const name = (statement as { name?: TypeScript.Identifier }).name?.text;
      if (name !== undefined && keep(name)) out.push(statement.getText(file));
    }
  }
  return out.join("\n");
}

function declarationWord(flags: TypeScript.NodeFlags): string {
  if (flags & ts.NodeFlags.Const) return "const";
  return flags & ts.NodeFlags.Let ? "let" : "var";
}

function filterImport(
  statement: TypeScript.ImportDeclaration,
  file: TypeScript.SourceFile,
  keep: (name: string) => boolean,
): string[] {
  const from = statement.moduleSpecifier.getText(file);
  const clause = statement.importClause;
  if (clause === undefined) return [];
  const out: string[] = [];
  if (clause.name && keep(clause.name.text)) out.push(`import ${clause.name.text} from ${from};`);
  const bindings = clause.namedBindings;
  if (bindings && ts.isNamespaceImport(bindings)) {
    if (keep(bindings.name.text)) out.push(`import ${bindings.getText(file)} from ${from};`);
  } else if (bindings) {
    const elements = bindings.elements.filter((element) => keep(element.name.text));
    if (elements.length > 0) {
      out.push(`import { ${elements.map((element) => element.getText(file)).join(", ")} } from ${from};`);
    }
  }
  return out;
}
