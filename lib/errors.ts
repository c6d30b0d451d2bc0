/** One way to report what went wrong: a sentence that names the value, and the way out. */
import { closest, distance } from "fastest-levenshtein";
import { toCamelCase } from "./camelCase.js";

/** Every error that the library raises on purpose. `hint` is the way out, already part of `message`. */
export class TunelabError extends Error {
  override readonly name = "TunelabError";
  declare readonly hint: string | undefined;
  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(
      options.hint ? `${message} ${options.hint}` : message,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    // Not enumerable: Node prints what is, below the message that has it already.
    Object.defineProperty(this, "hint", { value: options.hint });
  }
}

/** Throws a TunelabError: `fail("Unknown split: x", { hint: "Use one of train, test." })`. */
export function fail(message: string, options: { hint?: string; cause?: unknown } = {}): never {
  throw new TunelabError(message, options);
}

/** The candidate nearest to `name` when it is near enough to be a misspelling of it. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0) return undefined;
  const lower = name.toLowerCase().replaceAll(/[_-]/g, "");
  const folded = candidates.map((candidate) => candidate.toLowerCase().replaceAll(/[_-]/g, ""));
  const best = closest(lower, folded);
  const near = distance(lower, best) <= Math.max(2, Math.floor(lower.length / 3));
  return near ? candidates[folded.indexOf(best)] : undefined;
}

/** "Did you mean x?", or the list of what there is. */
export function suggestion(name: string, candidates: readonly string[]): string {
  const best = nearest(name, candidates);
  return best === undefined ? `Use one of: ${candidates.join(", ")}.` : `Did you mean "${best}"?`;
}

/** What a value is, for a message: the value itself where it is short. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "string" ? JSON.stringify(value) : typeof value === "function" ? "a function" : String(value);
}

/**
 * Refuses keys of `given` that are not in `known`, naming the nearest right one.
 * @param elsewhere options that people know from other libraries, and what to do instead of each
 */
export function checkOptions(
  where: string,
  given: unknown,
  known: readonly string[],
  elsewhere: Readonly<Record<string, string>> = {},
): void {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    fail(`${where} takes its options in an object, got ${shown(given)}.`, { hint: `Write { ${known[0]}: … }.` });
  }
  for (const key of Object.keys(given)) {
    if (known.includes(key)) continue;
    const camel = toCamelCase(key);
    if (Object.hasOwn(elsewhere, camel)) fail(`There is no option "${key}" of ${where}.`, { hint: elsewhere[camel]! });
    fail(`Unknown option "${key}" of ${where}.`, { hint: suggestion(key, known) });
  }
}
