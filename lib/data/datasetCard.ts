/** The configurations that a data set declares in the YAML front matter of its README.md. */
import { parse } from "yaml";
import { fail } from "../errors.js";

export interface DatasetConfig {
  readonly name: string;
  readonly isDefault: boolean;
  /** Patterns of the files of each split; a data set that does not name its splits has one, "train". */
  readonly splits: ReadonlyMap<string, readonly string[]>;
  /** Folder that the patterns start from, "" for the repository itself. */
  readonly dataDir: string;
}

/**
 * Reads `configs:` of a card (https://huggingface.co/docs/hub/datasets-manual-configuration); none when there is none.
 * @param where names the card in errors
 */
export function parseDatasetCard(where: string, readme: string): DatasetConfig[] {
  const front = /^\uFEFF?---\r?\n([\s\S]*?)\r?\n---/.exec(readme)?.[1];
  if (front === undefined) return [];
  let card: unknown;
  try {
    card = parse(front);
  } catch (cause) {
    fail(`The YAML front matter of ${where} cannot be read: ${(cause as Error).message}.`, { cause });
  }
  const configs = (card as { configs?: unknown } | null)?.configs;
  if (!Array.isArray(configs)) return [];
  return configs.map((entry: Record<string, unknown>) => ({
    name: String(entry?.config_name ?? "default"),
    isDefault: entry?.default === true,
    splits: splitPatterns(entry?.data_files),
    dataDir: typeof entry?.data_dir === "string" ? entry.data_dir.replace(/^\.?\/|\/$/g, "") : "",
  }));
}

/** `data_files` is one pattern, several, or a list of `{ split, path }`. */
function splitPatterns(value: unknown): Map<string, string[]> {
  const splits = new Map<string, string[]>();
  for (const item of Array.isArray(value) ? (value as unknown[]) : [value]) {
    const { split, path } = (typeof item === "object" && item !== null ? item : { path: item }) as {
      split?: unknown;
      path?: unknown;
    };
    if (path === undefined || path === null) continue;
    const name = String(split ?? "train");
    const patterns = (Array.isArray(path) ? path : [path]).map(String);
    splits.set(name, [...(splits.get(name) ?? []), ...patterns]);
  }
  return splits;
}
