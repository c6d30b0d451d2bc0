/** TypeScript itself, loaded once through require, with the internal functions that cells need. */
import { createRequire } from "node:module";
import type * as TypeScript from "typescript";

type Node = TypeScript.Node;
type SourceFile = TypeScript.SourceFile;

/** Functions that the typescript package exports at run time but not in its types. */
interface Internals {
  findPrecedingToken(position: number, file: SourceFile): Node | undefined;
  getTouchingPropertyName(file: SourceFile, position: number): Node;
  getContainerNode(node: Node): Node | undefined;
  nullTransformationContext: TypeScript.TransformationContext;
  SymbolDisplay: {
    getSymbolDisplayPartsDocumentationAndSymbolKind(
      checker: TypeScript.TypeChecker,
      symbol: TypeScript.Symbol,
      file: SourceFile,
      container: Node | undefined,
      location: Node,
    ): Pick<TypeScript.QuickInfo, "displayParts" | "documentation" | "tags"> & {
      symbolKind: TypeScript.ScriptElementKind;
    };
  };
  Completions: {
    getCompletionsAtPosition(
      host: object,
      program: TypeScript.Program,
      log: (message: string) => void,
      file: SourceFile,
      position: number,
      preferences: TypeScript.UserPreferences,
      triggerCharacter: string | undefined,
      kind: number | undefined,
      cancellation: TypeScript.CancellationToken,
      format: undefined,
      includeSymbol: boolean,
    ): TypeScript.CompletionInfo | undefined;
  };
}

export type { TypeScript };

/** require, not import: the module loader would scan nine megabytes for export names first. */
export const ts = createRequire(import.meta.url)("typescript") as typeof TypeScript & Internals;
