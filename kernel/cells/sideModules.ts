/** Local files that cells import, compiled to CommonJS, so that a changed one can be loaded again. */
import { relative } from "node:path/posix";
import { pathToFileURL } from "node:url";
import { composeLineMaps, decodeLineMap, type LineMap } from "./lineMap.js";
import type { TypeScript } from "./typescript.js";
import { ts } from "./typescript.js";

export interface SideModule {
  /** The file, seen from the notebook: what tracebacks call it. */
  name: string;
  code: string;
  lines: LineMap;
}

/** Compiles a file of the program; `path` is that of the JavaScript file which imports of it may name. */
export function compileSideModule(
  program: TypeScript.Program,
  file: TypeScript.SourceFile,
  cwd: string,
): { path: string; module: SideModule } {
  let text = "";
  let sourceMap = "";
  program.emit(file, (name, output) => {
    if (/\.[cm]?js$/.test(name)) text = output;
    else if (name.endsWith("js.map")) sourceMap = output;
  });
  const { outputText, sourceMapText = "" } = ts.transpileModule(text, {
    fileName: "side.js",
    transformers: { before: [spellOutMeta(file.fileName)] },
    compilerOptions: {
      module: ts.ModuleKind.CommonJS,
      target: ts.ScriptTarget.ES2024,
      esModuleInterop: true,
      allowJs: true,
      sourceMap: true,
    },
  });
  const lines = composeLineMaps(decodeLineMap(sourceMap, 0), decodeLineMap(sourceMapText, 0));
  return {
    path: file.fileName.replace(/\.[cm]?[jt]sx?$/, ".js"),
    module: { name: relative(cwd, file.fileName), code: outputText, lines },
  };
}

/** `import.meta`, which CommonJS does not have, with the fields that Node gives it. */
function spellOutMeta(path: string): TypeScript.TransformerFactory<TypeScript.SourceFile> {
  return (context) => (file) => {
    const { factory } = context;
    const text = (value: string) => factory.createStringLiteral(value);
    const fields = { url: pathToFileURL(path).href, filename: path, dirname: path.slice(0, path.lastIndexOf("/")) };
    const visit = (node: TypeScript.Node): TypeScript.Node => {
      if (!ts.isMetaProperty(node) || node.keywordToken !== ts.SyntaxKind.ImportKeyword) {
        return ts.visitEachChild(node, visit, context);
      }
      const properties = Object.entries(fields).map(([name, value]) =>
        factory.createPropertyAssignment(name, text(value)),
      );
      return factory.createParenthesizedExpression(factory.createObjectLiteralExpression(properties));
    };
    return ts.visitEachChild(file, visit, context);
  };
}
