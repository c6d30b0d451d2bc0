/** The imports of all cells as one block: hoisted, each name once, types marked as such. */
import ts from "typescript";

interface Imported {
  /** Name in the module; "default" and "*" for those two forms. */
  imported: string;
  local: string;
  typeOnly: boolean;
}

/** Collects imports module by module, in the order in which the notebook first names them. */
export class Imports {
  readonly #modules = new Map<string, Map<string, Imported>>();

  /** Adds one name; a value wins over a type of the same name. */
  add(module: string, imported: string, local = imported, typeOnly = false): void {
    const names = this.#module(module);
    const known = names.get(local);
    names.set(local, { imported, local, typeOnly: typeOnly && (known?.typeOnly ?? true) });
  }

  /** Adds a module for what it does when it is loaded. */
  addEffect(module: string): void {
    this.#module(module);
  }

  /**
   * Adds an import of a cell.
   * @param rewrite gives the module's name as the script must write it
   * @param use how the notebook uses a name: imported types must be marked, or they are looked for at run time
   */
  addDeclaration(
    declaration: ts.ImportDeclaration,
    rewrite: (module: string) => string,
    use: (local: string) => "value" | "type" | "unused",
  ): void {
    if (!ts.isStringLiteral(declaration.moduleSpecifier)) return;
    const module = rewrite(declaration.moduleSpecifier.text);
    this.#module(module);
    const clause = declaration.importClause;
    if (clause === undefined) return;
    const add = (imported: string, local: string, marked: boolean): void => {
      // The compiler drops an import that is not used as a value, and so must the script.
      if (use(local) !== "unused")
        this.add(module, imported, local, marked || clause.isTypeOnly || use(local) === "type");
    };
    if (clause.name !== undefined) add("default", clause.name.text, false);
    const bindings = clause.namedBindings;
    if (bindings === undefined) return;
    if (ts.isNamespaceImport(bindings)) {
      add("*", bindings.name.text, false);
      return;
    }
    for (const { name, propertyName, isTypeOnly } of bindings.elements) {
      add((propertyName ?? name).text, name.text, isTypeOnly);
    }
  }

  /** The import statements. */
  toString(): string {
    return [...this.#modules].flatMap(([module, names]) => statements(module, [...names.values()])).join("\n");
  }

  #module(module: string): Map<string, Imported> {
    const known = this.#modules.get(module) ?? new Map<string, Imported>();
    this.#modules.set(module, known);
    return known;
  }
}

function statements(module: string, names: Imported[]): string[] {
  const from = JSON.stringify(module);
  if (names.length === 0) return [`import ${from};`];
  const whole = names.filter(({ imported }) => imported === "*" || imported === "default");
  const named = names.filter((name) => !whole.includes(name));
  const lines = whole.map(({ imported, local, typeOnly }) => {
    const type = typeOnly ? "type " : "";
    return imported === "*" ? `import ${type}* as ${local} from ${from};` : `import ${type}${local} from ${from};`;
  });
  if (named.length === 0) return lines;
  const allTypes = named.every(({ typeOnly }) => typeOnly);
  const specifiers = named
    .sort((a, b) => a.local.localeCompare(b.local, "en"))
    .map(({ imported, local, typeOnly }) => {
      const name = imported === local ? local : `${imported} as ${local}`;
      return typeOnly && !allTypes ? `type ${name}` : name;
    });
  return [...lines, namedImport(allTypes, specifiers, from)];
}

function namedImport(types: boolean, specifiers: string[], from: string): string {
  const keyword = types ? "import type" : "import";
  const line = `${keyword} { ${specifiers.join(", ")} } from ${from};`;
  return line.length <= 120
    ? line
    : `${keyword} {\n${specifiers.map((name) => `  ${name},\n`).join("")}} from ${from};`;
}
