/** What can stand at a cursor: TypeScript's candidates, with the kinds and signatures that front ends show. */
import type { TypeScript } from "./typescript.js";
import { ts } from "./typescript.js";

export interface Description {
  /** As front ends mark it: function, class, instance, property, module, keyword and others. */
  kind: string;
  /** Of what can be called or constructed: "(a: number): string". */
  signature?: string;
}

export interface CompletionItem extends Description {
  name: string;
}

export interface Candidates {
  /** How many characters before the cursor, and behind it, a candidate replaces. */
  before: number;
  after: number;
  /** Best first. */
  names: readonly string[];
  /** Where among them variables belong that the program was not told of; undefined where no variable can stand. */
  anyNameAt: number | undefined;
  /** `closely` also looks at the type, which takes longer. */
  describe(name: string, closely: boolean): Description;
}

type Entry = TypeScript.CompletionEntry & { symbol?: TypeScript.Symbol };

/** By these TypeScript sorts: what the cell declares, then globals and keywords. */
const NEAR = "11";
const GLOBALS = "15";
const MAX_SIGNATURE = 300;
const never = { isCancellationRequested: () => false, throwIfCancellationRequested: () => {} };

/** `host` answers what TypeScript asks of files, for module names. */
export function candidatesAt(
  program: TypeScript.Program,
  host: object,
  file: TypeScript.SourceFile,
  position: number,
): Candidates {
  const invoked = ts.CompletionTriggerKind.Invoked;
  const info = ts.Completions.getCompletionsAtPosition(
    ...([host, program, () => {}, file, position, {}, undefined, invoked, never, undefined, true] as const),
  );
  const given = info?.entries[0]?.replacementSpan ?? info?.optionalReplacementSpan;
  const { start, length } = given ?? wordInText(file, position) ?? { start: position, length: 0 };
  const isRelative = /^\.{0,2}\//.test(/[^"'`]*$/.exec(file.text.slice(0, start))?.[0] ?? "");
  // The declarations of earlier cells: see tslab's converter.
  const earlier = file.parent as TypeScript.Node | undefined;
  const entries = new Map<string, Entry>();
  for (const entry of (info?.entries ?? []) as Entry[]) {
    if (isRelative && entry.name === "node_modules") continue;
    if (entry.symbol?.declarations?.[0]?.getSourceFile() === earlier) entry.sortText = NEAR;
    entries.set(entry.name, entry);
  }
  const names = [...entries.values()].sort(byPlace).map(({ name }) => name);
  const near = names.filter((name) => (entries.get(name)?.sortText ?? "") < GLOBALS).length;
  return {
    before: position - start,
    after: start + length - position,
    names,
    // Where one global could stand, every variable could.
    anyNameAt: entries.has("Promise") ? near : undefined,
    describe(name, closely) {
      const entry = entries.get(name);
      if (entry?.symbol !== undefined) return describeSymbol(program.getTypeChecker(), entry.symbol, file, closely);
      return { kind: kindOfEntry(entry?.kind, isRelative) };
    },
  };
}

/** The part of a path or name in quotes that the position is in, which TypeScript leaves to the editor. */
function wordInText(file: TypeScript.SourceFile, position: number): TypeScript.TextSpan | undefined {
  const token = ts.findPrecedingToken(position, file);
  if (token === undefined || !ts.isStringLiteralLike(token)) return undefined;
  const [before = ""] = /[^"'`/]*$/.exec(file.text.slice(token.getStart(file), position)) ?? [];
  const [behind = ""] = /^[^"'`/\n]*/.exec(file.text.slice(position, token.end)) ?? [];
  return { start: position - before.length, length: before.length + behind.length };
}

/** What a name is that stands among the declarations before a cell. */
export function describeDeclared(
  checker: TypeScript.TypeChecker,
  file: TypeScript.SourceFile,
  name: string,
): Description | undefined {
  const { locals } = file.parent as unknown as { locals?: Map<string, TypeScript.Symbol> };
  const symbol = locals?.get(name);
  return symbol && describeSymbol(checker, symbol, file, true);
}

/** The names that begin as what was typed; those that contain it when none does. */
export function matching(names: readonly string[], typed: string): readonly string[] {
  const lower = typed.toLowerCase();
  const starting = names.filter((name) => name.startsWith(typed));
  if (starting.length > 0) return starting;
  const folded = names.filter((name) => name.toLowerCase().startsWith(lower));
  return folded.length > 0 ? folded : names.filter((name) => name.toLowerCase().includes(lower));
}

function byPlace(a: Entry, b: Entry): number {
  return compare(a.sortText, b.sortText) || compare(a.name.toLowerCase(), b.name.toLowerCase());
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function describeSymbol(
  checker: TypeScript.TypeChecker,
  given: TypeScript.Symbol,
  file: TypeScript.SourceFile,
  closely: boolean,
): Description {
  const symbol = given.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(given) : given;
  const kind = kindOfFlags(symbol.flags);
  if (!closely || !(symbol.flags & ts.SymbolFlags.Value)) return { kind };
  const type = checker.getNonNullableType(checker.getTypeOfSymbolAtLocation(symbol, file));
  const [constructed, ...otherWays] = type.getConstructSignatures();
  if (constructed !== undefined) return { kind: "class", signature: print(checker, constructed, otherWays.length) };
  const [called, ...others] = type.getCallSignatures();
  if (called === undefined) return { kind };
  return { kind: "function", signature: print(checker, called, others.length) };
}

function print(checker: TypeScript.TypeChecker, signature: TypeScript.Signature, others: number): string {
  const text = checker.signatureToString(signature).replaceAll(/\s+/g, " ");
  const short = text.length > MAX_SIGNATURE ? `${text.slice(0, MAX_SIGNATURE)} …` : text;
  return others === 0 ? short : `${short} (+${others} ${others === 1 ? "overload" : "overloads"})`;
}

/** The first that fits: a class is a variable of types as well. */
const FLAGS: readonly (readonly [TypeScript.SymbolFlags, string])[] = [
  [ts.SymbolFlags.Class, "class"],
  [ts.SymbolFlags.Function | ts.SymbolFlags.Method, "function"],
  [ts.SymbolFlags.Enum, "enum"],
  [ts.SymbolFlags.EnumMember | ts.SymbolFlags.Property | ts.SymbolFlags.Accessor, "property"],
  [ts.SymbolFlags.Variable, "instance"],
  [ts.SymbolFlags.Module, "module"],
  [ts.SymbolFlags.Interface, "interface"],
];

function kindOfFlags(given: TypeScript.SymbolFlags): string {
  return FLAGS.find(([flags]) => (given & flags) !== 0)?.[1] ?? "type";
}

/** Of what has no symbol: words of the language, texts, modules. */
function kindOfEntry(kind: string | undefined, isRelative: boolean): string {
  switch (kind) {
    case ts.ScriptElementKind.string:
      return "value";
    case ts.ScriptElementKind.externalModuleName:
      return "module";
    case ts.ScriptElementKind.directory:
    case ts.ScriptElementKind.scriptElement:
      return isRelative ? "path" : "module";
    case ts.ScriptElementKind.keyword:
      return "keyword";
    default:
      return "instance";
  }
}
