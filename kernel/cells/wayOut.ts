/** A message of the compiler with the way out of what it finds wrong. */
import type { TypeScript } from "./typescript.js";
import { ts } from "./typescript.js";

/** The text of a diagnostic, and behind it what to do, where that is known. */
export function withWayOut(diagnostic: TypeScript.Diagnostic): string {
  const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n");
  const way = missingModule(message) ?? question(diagnostic) ?? forgottenAwait(message);
  return way === undefined ? message : `${message} ${way}`;
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
