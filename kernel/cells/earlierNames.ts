/**
 * Names of earlier cells where tslab's rewriting to `exports.name` does not reach or reaches too far:
 * `{ model }` must become `{ model: exports.model }`, and property names in patterns must stay as they are.
 */
import type { TypeScript } from "./typescript.js";
import { ts } from "./typescript.js";

export function spellOutEarlierNames(
  program: TypeScript.Program,
  declarations: string,
): TypeScript.TransformerFactory<TypeScript.SourceFile> {
  const checker = program.getTypeChecker();
  const earlier = program.getSourceFile(declarations);
  return (context) => (file) => {
    const { factory } = context;
    const visit = (node: TypeScript.Node): TypeScript.Node => {
      if (ts.isShorthandPropertyAssignment(node)) return expandShorthand(node);
      if (ts.isBindingElement(node) && node.propertyName && ts.isIdentifier(node.propertyName)) {
        const element = ts.visitEachChild(node, visit, context);
        const name = factory.createStringLiteral(node.propertyName.text);
        return factory.updateBindingElement(element, element.dotDotDotToken, name, element.name, element.initializer);
      }
      if (
        ts.isPropertyAssignment(node) &&
        ts.isIdentifier(node.name) &&
        isEarlier(checker.getSymbolAtLocation(node.name))
      ) {
        const assignment = ts.visitEachChild(node, visit, context);
        return factory.updatePropertyAssignment(
          assignment,
          factory.createStringLiteral(node.name.text),
          assignment.initializer,
        );
      }
      return ts.visitEachChild(node, visit, context);
    };
    const expandShorthand = (node: TypeScript.ShorthandPropertyAssignment): TypeScript.Node => {
      if (!isEarlier(checker.getShorthandAssignmentValueSymbol(node))) return ts.visitEachChild(node, visit, context);
      const value = factory.createPropertyAccessExpression(factory.createIdentifier("exports"), node.name.text);
      const fallback = node.objectAssignmentInitializer;
      return factory.createPropertyAssignment(
        factory.createStringLiteral(node.name.text),
        fallback === undefined
          ? value
          : factory.createAssignment(value, ts.visitNode(fallback, visit, ts.isExpression) ?? fallback),
      );
    };
    return ts.visitEachChild(file, visit, context);
  };

  function isEarlier(symbol: TypeScript.Symbol | undefined): boolean {
    return symbol?.declarations?.some((declaration) => declaration.getSourceFile() === earlier) === true;
  }
}
