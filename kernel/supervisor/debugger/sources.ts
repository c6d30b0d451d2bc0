/** What front ends call a cell, which scripts its runs became, and how lines of the one are lines of the other. */
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { LineMap } from "../../cells/lineMap.js";
import { sourceLineOf } from "../../cells/lineMap.js";
import type { SideModule } from "../../cells/sideModules.js";
import { CELL_HEAD } from "../../runner/messages.js";
import { murmur2 } from "../murmur2.js";

export const HASH = { method: "Murmur2", seed: 0x74756e65 } as const;
/** JupyterLab shows a path with "ipykernel_" in it as "Cell [3]", any other as it is. */
export const PREFIX = `${join(tmpdir(), `tunelab_ipykernel_${process.pid}`)}/`;
export const SUFFIX = ".ts";
/** A long session runs cells without end; functions of older runs than these are stepped over like a library's. */
const MAX_RUNS = 1000;
const MAX_TEXTS = 1000;

/** One run of a cell, or a local file that cells import. */
export interface Script {
  /** The inspector's name of it. */
  url: string;
  path: string;
  lines: LineMap;
  /** Column of the first line at which the source's own code begins. */
  firstColumn: number;
}

export interface Position {
  lineNumber: number;
  columnNumber: number;
}

export class Sources {
  readonly #texts = new Map<string, string>();
  /** By url, oldest first. */
  readonly #scripts = new Map<string, Script>();
  /** By the inspector's id; call frames tell no more than that. */
  readonly #parsed = new Map<string, Script>();

  /** Keeps a cell's text under the path that front ends work out for it too. */
  remember(code: string): string {
    const path = pathOf(code);
    keep(this.#texts, path, code, MAX_TEXTS);
    return path;
  }

  /** The text of a cell or of an imported file. */
  text(path: string): string | undefined {
    const known = this.#texts.get(path);
    if (known !== undefined || !this.#all().some((script) => script.path === path)) return known;
    try {
      return readFileSync(path, "utf8");
    } catch {
      return undefined;
    }
  }

  addRun(id: number, code: string, lines: LineMap, head: number): string {
    const path = this.remember(code);
    const url = `cell-${id}`;
    keep(this.#scripts, url, { url, path, lines, firstColumn: CELL_HEAD.length + head }, MAX_RUNS);
    return path;
  }

  /** `compiled` is the path of its JavaScript, which the inspector knows by URL. */
  addFile(compiled: string, { name, lines }: SideModule): string {
    const url = pathToFileURL(compiled).href;
    const path = resolve(name);
    keep(this.#scripts, url, { url, path, lines, firstColumn: 0 }, MAX_RUNS);
    return path;
  }

  parsed(scriptId: string, url: string): void {
    const script = this.#scripts.get(url);
    if (script !== undefined) keep(this.#parsed, scriptId, script, MAX_RUNS);
  }

  ofScript(scriptId: string): Script | undefined {
    return this.#parsed.get(scriptId);
  }

  /** The latest script that a source became. */
  latest(path: string): Script | undefined {
    return this.#all().findLast((script) => script.path === path);
  }

  /** Paths of the local files that cells imported. */
  files(): string[] {
    return [...new Set(this.#all().map(({ path }) => path))].filter((path) => !path.startsWith(PREFIX));
  }

  /** Matches every script that is neither a cell nor a local file. */
  othersPattern(): string {
    const files = this.#all().filter(({ path }) => !path.startsWith(PREFIX));
    const names = files.map(({ url }) => url.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
    return `^(?!(?:${["cell-\\d+", ...names].join("|")})$)`;
  }

  /** The runner is gone, and its scripts with it. */
  lost(): void {
    this.#scripts.clear();
    this.#parsed.clear();
  }

  #all(): Script[] {
    return [...this.#scripts.values()];
  }
}

/** Line (from 1) of the source. */
export function sourceLine({ lines }: Script, { lineNumber, columnNumber }: Position): number {
  return (sourceLineOf(lines, lineNumber, columnNumber) ?? 0) + 1;
}

/** Where the code of a source line (from 1), or of the next that has some, begins in the script. */
export function scriptPosition({ lines, firstColumn }: Script, line: number): Position | undefined {
  let best: { generated: number; source: number } | undefined;
  for (const [generated, pairs] of lines.entries()) {
    for (let index = 1; index < pairs.length; index += 2) {
      const source = pairs[index] ?? -1;
      if (source >= line - 1 && (best === undefined || source < best.source)) best = { generated, source };
    }
  }
  if (best === undefined) return undefined;
  return { lineNumber: best.generated, columnNumber: best.generated === 0 ? firstColumn : 0 };
}

function pathOf(code: string): string {
  return `${PREFIX}${murmur2(code, HASH.seed)}${SUFFIX}`;
}

/** Adds as the newest, and forgets the oldest beyond `limit`. */
function keep<Value>(map: Map<string, Value>, key: string, value: Value, limit: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= limit) break;
    map.delete(oldest);
  }
}
