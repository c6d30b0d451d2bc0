/** The inputs and outputs of this session, as history_request asks for them. */
import type { Json, JsonObject } from "../protocol/messages.js";
import { asNumber, asString } from "../protocol/messages.js";

interface Entry {
  line: number;
  input: string;
  output: string | null;
}

/** There is one session, this one. */
const SESSION = 1;

export class History {
  readonly #entries: Entry[] = [];

  add(line: number, input: string, output: string | null): void {
    this.#entries.push({ line, input, output });
  }

  /** The `history` of a history_reply. */
  answer(request: JsonObject): Json[] {
    const withOutput = request.output === true;
    return this.#select(request).map(({ line, input, output }) => [
      SESSION,
      line,
      withOutput ? [input, output] : input,
    ]);
  }

  #select(request: JsonObject): Entry[] {
    const limit = asNumber(request.n, Number.POSITIVE_INFINITY);
    switch (request.hist_access_type) {
      case "range": {
        const session = asNumber(request.session, 0);
        const start = asNumber(request.start, 0);
        const stop = asNumber(request.stop, Number.POSITIVE_INFINITY);
        if (session !== 0 && session !== SESSION) return [];
        return this.#entries.filter(({ line }) => line >= start && line < stop);
      }
      case "search": {
        const pattern = glob(asString(request.pattern, "*"));
        const found = this.#entries.filter(({ input }) => pattern.test(input));
        return last(request.unique === true ? unique(found) : found, limit);
      }
      default:
        return last(this.#entries, limit);
    }
  }
}

function last<T>(entries: T[], count: number): T[] {
  return count >= entries.length ? entries : count <= 0 ? [] : entries.slice(-count);
}

/** The latest entry of each input. */
function unique(entries: Entry[]): Entry[] {
  const latest = new Map<string, Entry>();
  for (const entry of entries) {
    latest.delete(entry.input);
    latest.set(entry.input, entry);
  }
  return [...latest.values()];
}

/** `*` is any text, `?` any character, `[a-c]` one of these, `[^a-c]` none of them: the GLOB of SQLite, as IPython has it. */
function glob(pattern: string): RegExp {
  const source = pattern.replaceAll(/\[(\^?)(\]?[^\]]*)\]|./gsu, (part, not: string | undefined, set: string) => {
    if (part === "*") return ".*";
    if (part === "?") return ".";
    if (set !== undefined) return `[${not}${set.replaceAll(/[\\\][^]/g, "\\$&")}]`;
    return part.replace(/[.+^${}()|[\]\\]/, "\\$&");
  });
  return new RegExp(`^${source}$`, "su");
}
