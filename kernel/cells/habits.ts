/** What people write who come from Python or its notebooks, found where the compiler found a fault: what says it here. */
import type { CellDiagnostic } from "./diagnostics.js";

/** Codes below this are faults of syntax. */
const FIRST_SEMANTIC_CODE = 2000;
/** "Cannot find name", also with a guess behind it. */
const UNKNOWN_NAME = new Set([2304, 2552]);

const NAMES: Readonly<Record<string, string>> = {
  print: "It is console.log(…) here.",
  len: "It is .length here.",
  range: "Write Array.from({ length: n }, (_, i) => i), or for (let i = 0; i < n; i++).",
  str: "It is String(…) here.",
  int: "It is Math.trunc(Number(…)) here.",
  float: "It is Number(…) here.",
  input: "It is await prompt(…) here.",
  help: "Shift+Tab shows what a name is.",
  self: "It is this here.",
  True: "It is true here.",
  False: "It is false here.",
  None: "It is null here.",
};

/** Behind a colon the same names are types. */
const TYPES: Readonly<Record<string, string>> = { int: "number", float: "number", str: "string", bool: "boolean" };

/** Lines that are no TypeScript; the first that fits tells. */
const LINES: readonly (readonly [RegExp, (...found: string[]) => string])[] = [
  [
    /^import ((?:\w+\.)*(\w+))(?: as (\w+))?$/,
    (_, path, last, name) => `An import names the package in quotes: import * as ${name ?? last} from "${path}"`,
  ],
  [/^from ([\w.]+) import ([\w, ]+)$/, (_, path, names) => `An import reads: import { ${names} } from "${path}"`],
  [/^(?:async )?def (\w+)/, (_, name) => `A function reads: function ${name}(…) { … }`],
  [/^for (\w+) in ([^:]*).*:$/, (_, name, all) => `A loop reads: for (const ${name} of ${all}) { … }`],
  [/^(?:if|elif|else|while|try|except|finally|with|class)\b.*:$/, () => "A block stands in braces: if (…) { … }"],
  [/^return\b/, () => "A cell shows its last expression: leave out the word return."],
  [/^print\s+["'\w]/, () => "It is console.log(…) here."],
  [/^[\w.]+ if .+ else /, () => "A choice reads: condition ? one : other"],
  [/^#/, () => "A comment begins with //."],
  [/^\?+\s*[\w.]+$|^[\w.]+\s*\?+$/, () => "Shift+Tab shows what a name is."],
  [/"""|'''/, () => "Text of several lines stands between backquotes: `…`"],
];

/** The same by what stands before and behind the place of the fault, where text in quotes may say anything. */
const PLACES: readonly (readonly [RegExp, RegExp, string])[] = [
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is shown, not filled in
  [/(?:^|[^\w$])f$/, /^["']/, "Text with values in it stands between backquotes: `… ${value} …`"],
  [/\blambda $/, /^\w/, "A function without a name reads: (x) => …"],
  [/(?:^|[^\w$])$/, /^lambda\b/, "A function without a name reads: (x) => …"],
  [/\s$/, /^(?:and|or)\b/, "and, or, not are written &&, ||, !."],
  [/(?:^|\s)$/, /^not\b/, "and, or, not are written &&, ||, !."],
  [/\S\s$/, /^for \w+ in\b/, "A list made from another reads: items.map((item) => …)"],
  [/\S\s$/, /^if\b.+\belse\b/, "A choice reads: condition ? one : other"],
  [/\w\[[^\]]*$/, /^:/, "A part of a list reads: list.slice(start, end)"],
];

/**
 * The diagnostics with the way out where a habit explains them. What the compiler finds in the rest of a line that it
 * cannot read is left out then.
 */
export function withHabits(diagnostics: readonly CellDiagnostic[], source: string): CellDiagnostic[] {
  const lines = source.split("\n");
  const explained = new Set<number>();
  return diagnostics.flatMap((diagnostic) => {
    if (diagnostic.file !== undefined) return [diagnostic];
    const text = lines[diagnostic.line - 1] ?? "";
    if (diagnostic.code >= FIRST_SEMANTIC_CODE) return [said(diagnostic, nameHabit(diagnostic, text))];
    if (explained.has(diagnostic.line)) return [];
    const hint = lineHabit(text.trim()) ?? placeHabit(text, diagnostic.column - 1);
    if (hint !== undefined) explained.add(diagnostic.line);
    return [said(diagnostic, hint)];
  });
}

function said(diagnostic: CellDiagnostic, hint: string | undefined): CellDiagnostic {
  return hint === undefined ? diagnostic : { ...diagnostic, message: `${diagnostic.message} ${hint}` };
}

function nameHabit({ code, column, length }: CellDiagnostic, text: string): string | undefined {
  if (!UNKNOWN_NAME.has(code)) return undefined;
  const end = column - 1 + length;
  const name = text.slice(column - 1, end);
  if (/^\s*=(?![=>])/.test(text.slice(end)) && text.slice(0, column - 1).trim() === "") {
    return `Declare it where it gets its first value: let ${name} = …`;
  }
  if (/:\s*$/.test(text.slice(0, column - 1)) && Object.hasOwn(TYPES, name)) {
    return `The type is called ${TYPES[name]} here.`;
  }
  return Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
}

function lineHabit(text: string): string | undefined {
  for (const [pattern, hint] of LINES) {
    const found = pattern.exec(text);
    if (found !== null) return hint(...found);
  }
  return undefined;
}

function placeHabit(text: string, at: number): string | undefined {
  return PLACES.find(([before, behind]) => before.test(text.slice(0, at)) && behind.test(text.slice(at)))?.[2];
}
