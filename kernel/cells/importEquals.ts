/** `import x = require("m")` and `import x = Namespace.y` at the top of a cell, as constants, which any target can have. */
import type { TypeScript } from "./typescript.js";
import { ts } from "./typescript.js";

/** The checker's word against `import x = require()` in ES modules. */
export const IMPORT_EQUALS_IN_MODULE = 1202;

export function replaceImportEquals(
  checker: TypeScript.TypeChecker,
): TypeScript.TransformerFactory<TypeScript.SourceFile> {
  return ({ factory }) =>
    (file) => {
      const toConstant = (statement: TypeScript.Statement): TypeScript.Statement => {
        if (!ts.isImportEqualsDeclaration(statement) || !isValue(statement.name)) return statement;
        const value = toExpression(statement.moduleReference);
        const declaration = factory.createVariableDeclaration(statement.name, undefined, undefined, value);
        const constant = factory.createVariableStatement(
          undefined,
          factory.createVariableDeclarationList([declaration], ts.NodeFlags.Const),
        );
        return ts.setTextRange(constant, statement);
      };
      const toExpression = (reference: TypeScript.ModuleReference): TypeScript.Expression => {
        if (ts.isExternalModuleReference(reference)) {
          return factory.createCallExpression(factory.createIdentifier("require"), undefined, [reference.expression]);
        }
        if (ts.isIdentifier(reference)) return reference;
        return factory.createPropertyAccessExpression(toExpression(reference.left), reference.right.text);
      };
      if (!file.statements.some(ts.isImportEqualsDeclaration)) return file;
      return factory.updateSourceFile(file, file.statements.map(toConstant));
    };

  function isValue(name: TypeScript.Identifier): boolean {
    const symbol = checker.getSymbolAtLocation(name);
    if (symbol === undefined) return false;
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    return (target.flags & ts.SymbolFlags.Value) !== 0;
  }
}
