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
    documentation: documentation?.length ? documentation : commentOf(symbol, checker),
    ...(tags && { tags }),
  };
}

/** The comment above a declaration in a library, whose comments were not parsed. */
function commentOf(symbol: TypeScript.Symbol, checker: TypeScript.TypeChecker): TypeScript.SymbolDisplayPart[] {
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  for (const declaration of target.declarations ?? []) {
    const { text } = declaration.getSourceFile();
    // The comment of `declare const x` stands before the whole statement.
    const node = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
    const comment = ts.getLeadingCommentRanges(text, node.pos)?.at(-1);
    if (comment === undefined || !text.startsWith("/**", comment.pos)) continue;
    const body = text
      .slice(comment.pos + 3, comment.end - 2)
      .split("\n")
      .map((line) => line.replace(/^\s*\* ?/, "").trimEnd())
      .join("\n")
      .trim();
    return [{ kind: "text", text: body }];
  }
  return [];
}
