/** Which files of a folder or repository make up which split, as Hugging Face's datasets decides it. */
import { fail, suggestion } from "../errors.js";
import type { DatasetConfig } from "./datasetCard.js";
import { matchPaths } from "./glob.js";
import { FORMATS, formatOf } from "./readers/index.js";

/** Files of each split, in the order of reading. */
export type SplitFiles = Map<string, string[]>;

export interface DataFilesRequest {
  /** Named in errors. */
  readonly where: string;
  /** Every file, relative, with forward slashes. */
  readonly paths: readonly string[];
  readonly configs: readonly DatasetConfig[];
  /** The configuration asked for. */
  readonly name: string | undefined;
  /** A folder to stay in. */
  readonly dataDir: string | undefined;
}

const NOT_DATA = new Set(["config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"]);

/** Keywords that name a split in a file or folder name, the first split that has files wins for a file. */
const KEYWORDS: readonly [string, readonly string[]][] = [
  ["train", ["train", "training"]],
  ["validation", ["validation", "valid", "dev", "val"]],
  ["test", ["test", "testing", "eval", "evaluation"]],
];

/** Picks the files by the card's configurations, or by the names of files and folders when it declares none. */
export function pickDataFiles(request: DataFilesRequest): SplitFiles {
  const { where, configs, name, dataDir } = request;
  const paths = request.paths.filter(isDataFile).sort();
  if (configs.length > 0) {
    const config = pickConfig(where, configs, name);
    const inside = within(paths, config.dataDir || dataDir);
    if (config.splits.size === 0) return byNames(where, inside);
    return byPatterns(where, inside, config.splits, config.dataDir);
  }
  return byNames(where, within(name === undefined ? paths : ofConfigName(where, paths, name), dataDir));
}

/** The files that the caller's own patterns match. */
export function byPatterns(
  where: string,
  paths: readonly string[],
  splits: ReadonlyMap<string, readonly string[]>,
  dataDir = "",
): SplitFiles {
  const files: SplitFiles = new Map();
  for (const [split, patterns] of splits) {
    const matched = patterns.flatMap((pattern) => {
      const full = dataDir === "" ? pattern : `${dataDir}/${pattern}`;
      const found = matchPaths(full, paths);
      if (found.length === 0) {
        fail(`No data file of ${where} matches "${full}".`, { hint: `There are: ${list(paths)}.` });
      }
      return found;
    });
    files.set(split, [...new Set(matched)]);
  }
  return files;
}

function pickConfig(where: string, configs: readonly DatasetConfig[], name: string | undefined): DatasetConfig {
  const names = configs.map((config) => config.name);
  if (name !== undefined) {
    const found = configs.find((config) => config.name === name);
    return found ?? fail(`${where} has no configuration "${name}".`, { hint: suggestion(name, names) });
  }
  const standard = configs.find((config) => config.isDefault || config.name === "default");
  if (standard) return standard;
  if (configs.length === 1) return configs[0]!;
  return fail(`${where} has several configurations.`, {
    hint: `Name one as the second argument: ${names.join(", ")}.`,
  });
}

/** Without a card, a configuration is a folder of that name, or a part of file names. */
function ofConfigName(where: string, paths: readonly string[], name: string): string[] {
  const inFolder = paths.filter((path) => path.startsWith(`${name}/`) || path.startsWith(`data/${name}/`));
  if (inFolder.length > 0) return inFolder;
  const inName = paths.filter((path) => hasWord(path.split("/").at(-1)!, name));
  if (inName.length > 0) return inName;
  if (name === "default") return [...paths];
  return fail(`${where} has no configuration "${name}".`, { hint: `Its data files are: ${list(paths)}.` });
}

function byNames(where: string, paths: readonly string[]): SplitFiles {
  if (paths.length === 0) {
    fail(`${where} holds no data file of a known kind.`, { hint: `Known kinds: ${FORMATS.join(", ")}.` });
  }
  const sharded = shardedSplits(paths);
  if (sharded.size > 0) return sharded;
  const folders = byKeyword(paths, (path) => path.split("/").slice(0, -1));
  if (folders.size > 0) return folders;
  const names = byKeyword(paths, (path) => [path.split("/").at(-1)!]);
  return names.size > 0 ? names : new Map([["train", [...paths]]]);
}

/** `data/<split>-00000-of-00002.parquet`: the split may have any name. */
function shardedSplits(paths: readonly string[]): SplitFiles {
  const files: SplitFiles = new Map();
  for (const path of paths) {
    const split = /(?:^|\/)(\w+(?:\.\w+)*)-\d{5}-of-\d{5}[^/]*$/.exec(path)?.[1];
    if (split !== undefined) files.set(split, [...(files.get(split) ?? []), path]);
  }
  return files;
}

function byKeyword(paths: readonly string[], parts: (path: string) => string[]): SplitFiles {
  const files: SplitFiles = new Map();
  for (const [split, keywords] of KEYWORDS) {
    const matched = paths.filter((path) => parts(path).some((part) => keywords.some((word) => hasWord(part, word))));
    if (matched.length > 0) files.set(split, matched);
  }
  return files;
}

/** Whether `word` stands in `text` between its ends, digits or one of "-._ ". */
function hasWord(text: string, word: string): boolean {
  const escaped = word.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`(?:^|[-._ 0-9])${escaped}(?:[-._ 0-9]|$)`).test(text);
}

function within(paths: readonly string[], dir: string | undefined): string[] {
  const folder = dir?.replace(/^\.?\/|\/$/g, "");
  return folder ? paths.filter((path) => path.startsWith(`${folder}/`)) : [...paths];
}

function isDataFile(path: string): boolean {
  const parts = path.split("/");
  const hidden = parts.some((part) => part.startsWith(".") || part.startsWith("__"));
  return !hidden && formatOf(path) !== undefined && !NOT_DATA.has(parts.at(-1)!);
}

function list(paths: readonly string[]): string {
  const shown = paths.slice(0, 8).join(", ") || "none";
  return paths.length > 8 ? `${shown}, … (${paths.length} in all)` : shown;
}
