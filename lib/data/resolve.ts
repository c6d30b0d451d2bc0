/** What the first argument of loadDataset stands for: a builder, a local file or folder, or a data set of the hub. */
import { existsSync, statSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { standIn } from "../embedded.js";
import { fail, suggestion } from "../errors.js";
import type { ProgressListener } from "../hub/progress.js";
import { openRepository } from "../hub/repository.js";
import { byPatterns, pickDataFiles, type SplitFiles } from "./dataFiles.js";
import { type DatasetConfig, parseDatasetCard } from "./datasetCard.js";
import { FORMATS, type Format, formatOf } from "./readers/index.js";

/** Patterns of data files: one or several for the split "train", or by split. */
export type DataFiles = string | readonly string[] | Readonly<Record<string, string | readonly string[]>>;

export interface ResolveOptions {
  readonly dataFiles?: DataFiles | undefined;
  readonly dataDir?: string | undefined;
  readonly token?: string | undefined;
  readonly revision?: string | undefined;
  readonly onProgress?: ProgressListener | undefined;
}

export interface ResolvedDataset {
  /** Named in errors. */
  readonly where: string;
  /** The files of each split, relative. */
  readonly splits: SplitFiles;
  /** The builder's format, undefined when each file's name tells. */
  readonly format: Format | undefined;
  /** Brings files onto this machine and returns their absolute paths. */
  local(paths: readonly string[]): Promise<string[]>;
}

/** Finds the files of a data set, without reading them yet. */
export async function resolveDataset(
  path: string,
  name: string | undefined,
  options: ResolveOptions,
): Promise<ResolvedDataset> {
  const builder = FORMATS.find((format) => format === path);
  if (builder) return fromFiles(builder, options);
  if (existsSync(path)) return statSync(path).isDirectory() ? fromFolder(path, name, options) : fromFile(path);
  if (/^[./~]/.test(path) || formatOf(path) !== undefined) fail(`There is no file or folder ${resolve(path)}.`);
  if (options.dataFiles !== undefined && !path.includes("/")) {
    fail(`There is no builder "${path}" for dataFiles.`, { hint: suggestion(path, FORMATS) });
  }
  const folder = await standIn(path);
  if (folder !== null) return fromStandIn(path, folder, name, options);
  return fromHub(path, name, options);
}

function fromFile(path: string): ResolvedDataset {
  return {
    where: path,
    splits: new Map([["train", [basename(path)]]]),
    format: undefined,
    local: async () => [resolve(path)],
  };
}

async function fromFiles(format: Format, { dataFiles, dataDir }: ResolveOptions): Promise<ResolvedDataset> {
  if (dataFiles === undefined && dataDir === undefined) {
    fail(`loadDataset("${format}") needs to know its files.`, {
      hint: `Name them: loadDataset("${format}", { dataFiles: "train.${format === "json" ? "jsonl" : format}" }).`,
    });
  }
  const root = resolve(dataDir ?? ".");
  const splits: SplitFiles = new Map();
  for (const [split, patterns] of patternsBySplit(dataFiles ?? "*")) {
    const paths = await Promise.all(patterns.map((pattern) => expand(root, pattern)));
    splits.set(split, paths.flat());
  }
  return { where: `loadDataset("${format}")`, splits, format, local: async (paths) => [...paths] };
}

/** The existing files that a pattern means, relative to `root` or absolute. */
async function expand(root: string, pattern: string): Promise<string[]> {
  if (/^[a-z]+:\/\//.test(pattern)) fail(`dataFiles takes local files, not the address ${pattern}.`);
  const full = resolve(root, pattern);
  if (existsSync(full) && statSync(full).isFile()) return [full];
  const fixed = dirname(`${full.split(/[*?[{]/, 1)[0]}x`);
  const folder = existsSync(full) ? full : fixed;
  const paths = existsSync(folder) ? await filesBelow(folder) : [];
  const wanted = relative(folder, full) || "**";
  return [...byPatterns(folder, paths, new Map([["train", [wanted]]])).values()]
    .flat()
    .sort()
    .map((path) => join(folder, path));
}

async function fromFolder(path: string, name: string | undefined, options: ResolveOptions): Promise<ResolvedDataset> {
  const paths = await filesBelow(path);
  const configs = await cardOf(path, paths);
  return {
    where: path,
    splits: pick(path, paths, configs, name, options),
    format: undefined,
    local: async (wanted) => wanted.map((file) => resolve(path, file)),
  };
}

/** A stand-in need not have the configurations of what it stands for. */
async function fromStandIn(
  repoId: string,
  folder: string,
  name: string | undefined,
  options: ResolveOptions,
): Promise<ResolvedDataset> {
  const configs = await cardOf(folder, await filesBelow(folder));
  const known = configs.some((config) => config.name === name);
  return { ...(await fromFolder(folder, known ? name : undefined, options)), where: `${repoId} (${folder})` };
}

async function fromHub(path: string, name: string | undefined, options: ResolveOptions): Promise<ResolvedDataset> {
  const repository = await openRepository("dataset", path, options);
  const { paths, directory } = repository;
  if (paths.includes("README.md")) await repository.fetch(["README.md"], () => undefined);
  const configs = await cardOf(directory, paths);
  return {
    where: path,
    splits: pick(path, paths, configs, name, options),
    format: undefined,
    async local(wanted) {
      await repository.fetch(wanted, options.onProgress);
      return wanted.map((file) => join(directory, file));
    },
  };
}

function pick(
  where: string,
  paths: readonly string[],
  configs: readonly DatasetConfig[],
  name: string | undefined,
  { dataFiles, dataDir }: ResolveOptions,
): SplitFiles {
  if (dataFiles !== undefined) return byPatterns(where, paths, patternsBySplit(dataFiles), dataDir);
  return pickDataFiles({ where, paths, configs, name, dataDir });
}

async function cardOf(folder: string, paths: readonly string[]): Promise<DatasetConfig[]> {
  if (!paths.includes("README.md")) return [];
  const card = join(folder, "README.md");
  return parseDatasetCard(card, await readFile(card, "utf8"));
}

function patternsBySplit(dataFiles: DataFiles): Map<string, readonly string[]> {
  if (typeof dataFiles === "string") return new Map([["train", [dataFiles]]]);
  if (Array.isArray(dataFiles)) return new Map([["train", dataFiles as string[]]]);
  return new Map(
    Object.entries(dataFiles as Record<string, string | string[]>).map(([split, patterns]) => [
      split,
      typeof patterns === "string" ? [patterns] : patterns,
    ]),
  );
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .filter((path) => !path.split("/").includes("node_modules"));
}
