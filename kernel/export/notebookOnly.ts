/** Names that cells have and a script cannot: they need a front end that answers. */
import ts from "typescript";
import { GLOBALS_DECLARATION } from "../cells/globals.js";
import { preloadedNames } from "./preloaded.js";

/** The runner's globals that kernel/script.ts has no counterpart of: comms. */
export function notebookOnlyNames(): Set<string> {
  const names = new Set<string>();
  const file = ts.createSourceFile("globals.d.ts", GLOBALS_DECLARATION, ts.ScriptTarget.Latest);
  for (const statement of file.statements) {
    if (ts.isVariableStatement(statement)) {
      for (const { name } of statement.declarationList.declarations) if (ts.isIdentifier(name)) names.add(name.text);
    } else if ((ts.isClassDeclaration(statement) || ts.isFunctionDeclaration(statement)) && statement.name) {
      names.add(statement.name.text);
    }
  }
  for (const name of preloadedNames().keys()) names.delete(name);
  return names;
}
