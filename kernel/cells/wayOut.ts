/** A message of the compiler with the way out of what it finds wrong. */
import { toCamelCase } from "../../lib/camelCase.js";
import type { TypeScript } from "./typescript.js";
import { ts } from "./typescript.js";

/** What a module calls its table of options that it does not have: name -> what to do instead, as literal types. */
const TABLE = "ELSEWHERE";
/** An unknown property, and the same in every overload of a function. */
const UNKNOWN_PROPERTY = new Set([2353, 2561, 2769]);

/** The text of a diagnostic, and behind it what to do, where that is known. */
export function withWayOut(diagnostic: TypeScript.Diagnostic, program: TypeScript.Program): string {
  const message = withoutCompilerOptions(ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n"));
  const way =
    missingModule(message) ??
    otherOption(diagnostic, message, program) ??
    question(diagnostic) ??
    forgottenAwait(message);
  return way === undefined ? message : `${message} ${way}`;
}

/** A notebook has no compiler options that could be changed. */
function withoutCompilerOptions(message: string): string {
  return message.replace(
    /Do you need to change your target library\? Try changing the 'lib' compiler option to (include 'dom'|.*?or later)\./,
    (_, change: string) =>
      change.startsWith("include")
        ? "Cells run in Node; HTML and scripts are shown by a cell that begins with %%html."
        : "Cells have the library of ES2024, and no newer one.",
  );
}

/** A package that is missing can be installed; Deno's and a browser's names for one mean nothing to Node. */
function missingModule(message: string): string | undefined {
  const [, scheme, rest = ""] = /^Cannot find module '(npm|jsr|https?):([^']+)'/.exec(message) ?? [];
  if (scheme === "npm") {
    const [name = rest] = /^(?:@[^/@]+\/)?[^/@]+/.exec(rest) ?? [];
    return `Import "${name}", and install it in the notebook's directory: npm install ${name}`;
  }
  if (scheme !== undefined) return "Cells import files, and packages that npm has installed.";
  const [, name] = /^Cannot find module '((?:@[\w.-]+\/)?\w[\w.-]*)(?:\/[^']*)?'/.exec(message) ?? [];
  return name === undefined ? undefined : `Install it in the notebook's directory: npm install ${name}`;
}

/** What the module of an options' type says of an option that the type does not have. */
function otherOption(
  { code, file, start = 0 }: TypeScript.Diagnostic,
  message: string,
  program: TypeScript.Program,
): string | undefined {
  const [, name] = /'"?(\w+)"?' does not exist in type /.exec(message) ?? [];
  if (!UNKNOWN_PROPERTY.has(code) || file === undefined || name === undefined) return undefined;
  // Not for a fault of syntax: a checker binds all files of the program, and the snapshot has one that is only read.
  const checker = program.getTypeChecker();
  const literal = literalWith(name, start, file);
  for (const type of partsOf(literal && checker.getContextualType(literal))) {
    const module = type.symbol?.declarations?.[0]?.getSourceFile();
    const table = module && checker.getSymbolAtLocation(module)?.exports?.get(ts.escapeLeadingUnderscores(TABLE));
    const option = table && checker.getTypeOfSymbol(table).getProperty(toCamelCase(name));
    const advice = option && checker.getTypeOfSymbol(option);
    if (advice?.isStringLiteral()) return advice.value;
  }
  return undefined;
}

/** The first object literal with a property of that name at a position or behind it. */
function literalWith(
  name: string,
  start: number,
  file: TypeScript.SourceFile,
): TypeScript.ObjectLiteralExpression | undefined {
  const find = (node: TypeScript.Node): TypeScript.ObjectLiteralExpression | undefined => {
    if (node.end < start) return undefined;
    const isIt =
      ts.isObjectLiteralExpression(node) &&
      node.properties.some((one) => one.end >= start && one.name !== undefined && textOf(one.name) === name);
    return isIt ? node : ts.forEachChild(node, find);
  };
  return find(file);
}

function textOf(name: TypeScript.PropertyName): string | undefined {
  return ts.isIdentifier(name) || ts.isStringLiteral(name) ? name.text : undefined;
}

function partsOf(type: TypeScript.Type | undefined): TypeScript.Type[] {
  return type?.isUnionOrIntersection() ? type.types.flatMap(partsOf) : type === undefined ? [] : [type];
}

/** What the compiler asks beside its message, which an editor shows when it is opened. */
function question({ relatedInformation = [] }: TypeScript.Diagnostic): string | undefined {
  return relatedInformation
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))
    .find((text) => text.endsWith("?"));
}

/** A promise in the place of its value, where it does not ask. */
const PROMISED = [
  /^ *Property '.*' does not exist on type 'Promise</m,
  /^(?:Type|Argument of type) 'Promise<.*' is not assignable to (?:parameter of )?type '(?!Promise)/,
];

function forgottenAwait(message: string): string | undefined {
  return PROMISED.some((pattern) => pattern.test(message)) ? "Did you forget to use 'await'?" : undefined;
}
