/** TypeScript itself, loaded once, with the internal functions that cells need. */
import type * as TypeScript from "typescript";
import { CommonJsFiles } from "./commonJs.js";
import { typescriptPath, typescriptSource } from "./typescriptSource.js";

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
      meaning: undefined,
      alias: undefined,
      maximumLength: number,
    ): Pick<TypeScript.QuickInfo, "displayParts">;
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

export const ts = new CommonJsFiles().load(typescriptPath, typescriptSource()) as typeof TypeScript & Internals;
