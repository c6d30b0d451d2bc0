/** What a name under the cursor is: signature, documentation, tags. */
import type { TypeScript } from "./typescript.js";
import { ts } from "./typescript.js";

export function quickInfoAt(
  file: TypeScript.SourceFile,
  checker: TypeScript.TypeChecker,
  _cancellation: unknown,
  position: number,
): TypeScript.QuickInfo | undefined {
  const node = ts.getTouchingPropertyName(file, position);
  if (node === file) return undefined;
  const symbol = checker.getSymbolAtLocation(node);
  if (symbol === undefined) return undefined;
  const { symbolKind, displayParts, documentation, tags } =
    ts.SymbolDisplay.getSymbolDisplayPartsDocumentationAndSymbolKind(
      checker,
      symbol,
      file,
      ts.getContainerNode(node),
      node,
    );
  return {
    kind: symbolKind,
    kindModifiers: "",
    textSpan: { start: node.getStart(file), length: node.getWidth(file) },
    ...(displayParts && { displayParts }),
    ...(documentation && { documentation }),
    ...(tags && { tags }),
  };
}
