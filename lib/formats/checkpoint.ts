/**
 * A model's weights in a Hugging Face folder: `model.safetensors`, or several shards with
 * `model.safetensors.index.json`, behind one interface.
 */
import { existsSync, readFileSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { checkOptions, fail, suggestion } from "../errors.js";
import { writeFileAtomically } from "./atomicWrite.js";
import { SafetensorsFile } from "./safetensors.js";
import type { FileRange, TensorInfo, TensorSource } from "./tensorEntry.js";
import { byteLength, type TensorToWrite, writeSafetensors } from "./writeSafetensors.js";

/** Weights on disk, to be closed after use. */
export interface Checkpoint extends TensorSource {
  /** Where a tensor's bytes lie, for those who read the file themselves; good until `close`. */
  locate(name: string): FileRange;
  /**
   * Refuses files that were written to since they were opened: what was read may be of either.
   * @param cause what went wrong, maybe because of that
   */
  ensureUnchanged(cause?: unknown): void;
  close(): void;
}

export interface CheckpointOptions {
  /** The files' first name: "model" (the default), or "adapter_model" for an adapter. */
  baseName?: string;
}

/** Opens the weights in the folder `dir`; headers are read and checked now, tensors when they are asked for. */
export function openCheckpoint(dir: string, options: CheckpointOptions = {}): Checkpoint {
  checkOptions("openCheckpoint", options, ["baseName"]);
  const { baseName = "model" } = options;
  const single = join(dir, `${baseName}.safetensors`);
  if (existsSync(single)) return SafetensorsFile.open(single);
  const index = `${single}.index.json`;
  if (existsSync(index)) return ShardedCheckpoint.open(dir, index);
  const pickled = existsSync(join(dir, "pytorch_model.bin")) || existsSync(join(dir, "pytorch_model.bin.index.json"));
  return fail(`${dir} holds neither ${baseName}.safetensors nor ${baseName}.safetensors.index.json.`, {
    hint: pickled
      ? "Its pytorch_model.bin is a Python pickle: convert it to safetensors first."
      : "Give the folder of a model that was saved as safetensors.",
  });
}

class ShardedCheckpoint implements Checkpoint {
  readonly #index: string;
  readonly #files: ReadonlyMap<string, SafetensorsFile>;
  readonly #shardOf: ReadonlyMap<string, string>;

  private constructor(index: string, files: Map<string, SafetensorsFile>, shardOf: Map<string, string>) {
    this.#index = index;
    this.#files = files;
    this.#shardOf = shardOf;
  }

  static open(dir: string, index: string): ShardedCheckpoint {
    const shardOf = readWeightMap(index);
    const files = new Map<string, SafetensorsFile>();
    try {
      for (const shard of new Set(shardOf.values())) {
        if (!existsSync(join(dir, shard))) {
          fail(`${index} names the shard ${shard}, which is not there.`, { hint: "Download the model again." });
        }
        files.set(shard, SafetensorsFile.open(join(dir, shard)));
      }
      for (const [name, shard] of shardOf) {
        if (!files.get(shard)!.has(name)) fail(`${index} says that "${name}" is in ${shard}, but it is not.`);
      }
    } catch (error) {
      for (const file of files.values()) file.close();
      throw error;
    }
    return new ShardedCheckpoint(index, files, shardOf);
  }

  get names(): string[] {
    return [...this.#shardOf.keys()];
  }

  has(name: string): boolean {
    return this.#shardOf.has(name);
  }

  info(name: string): TensorInfo {
    return this.#file(name).info(name);
  }

  read(name: string): Uint8Array {
    return this.#file(name).read(name);
  }

  locate(name: string): FileRange {
    return this.#file(name).locate(name);
  }

  ensureUnchanged(cause?: unknown): void {
    for (const file of this.#files.values()) file.ensureUnchanged(cause);
  }

  readFloat32(name: string): Float32Array {
    return this.#file(name).readFloat32(name);
  }

  close(): void {
    for (const file of this.#files.values()) file.close();
  }

  #file(name: string): SafetensorsFile {
    const shard = this.#shardOf.get(name);
    if (shard === undefined) fail(`${this.#index} has no tensor "${name}".`, { hint: suggestion(name, this.names) });
    return this.#files.get(shard)!;
  }
}

function readWeightMap(index: string): Map<string, string> {
  let json: { weight_map?: unknown };
  try {
    json = JSON.parse(readFileSync(index, "utf8")) as typeof json;
  } catch (cause) {
    return fail(`${index} is not JSON.`, { cause, hint: "Download the model again." });
  }
  const map = json?.weight_map;
  if (typeof map !== "object" || map === null || Array.isArray(map)) return fail(`${index} has no weight_map.`);
  for (const shard of Object.values(map)) {
    // A name with a folder in it could point out of the model's own.
    if (typeof shard !== "string" || !/^[\w.-]+\.safetensors$/.test(shard)) {
      fail(`${index} names a shard ${JSON.stringify(shard)}, which is no file name ending in .safetensors.`);
    }
  }
  return new Map(Object.entries(map as Record<string, string>));
}

export interface WriteCheckpointOptions extends CheckpointOptions {
  /** Most bytes of tensors in one file; above it the checkpoint is sharded. Defaults to 5e9, as in transformers. */
  maxShardBytes?: number;
}

/**
 * Writes weights into the folder `dir`: one file when they fit, otherwise shards filled in the order given and an
 * index, which is written last. Files of an earlier, differently sharded save are removed after that.
 */
export async function writeCheckpoint(
  dir: string,
  entries: Iterable<TensorToWrite> | AsyncIterable<TensorToWrite>,
  options: WriteCheckpointOptions = {},
): Promise<void> {
  checkOptions("writeCheckpoint", options, ["baseName", "maxShardBytes"]);
  const { baseName = "model", maxShardBytes = 5e9 } = options;
  const shards = await fillShards(entries, maxShardBytes);
  const written = new Set<string>();
  const weightMap: Record<string, string> = {};
  for (const [i, shard] of shards.entries()) {
    const number = (n: number): string => String(n).padStart(5, "0");
    const file =
      shards.length === 1
        ? `${baseName}.safetensors`
        : `${baseName}-${number(i + 1)}-of-${number(shards.length)}.safetensors`;
    await writeSafetensors(join(dir, file), shard);
    written.add(file);
    for (const entry of shard) weightMap[entry.name] = file;
  }
  if (shards.length > 1) {
    const total = shards.flat().reduce((sum, entry) => sum + byteLength(entry), 0);
    const sorted = Object.fromEntries(Object.entries(weightMap).sort(([a], [b]) => (a < b ? -1 : 1)));
    const index = { metadata: { total_size: total }, weight_map: sorted };
    const file = `${baseName}.safetensors.index.json`;
    await writeFileAtomically(join(dir, file), `${JSON.stringify(index, null, 2)}\n`);
    written.add(file);
  }
  for (const file of await readdir(dir)) {
    const ours = file.startsWith(`${baseName}.safetensors`) || isShardOf(baseName, file);
    if (ours && !written.has(file)) await rm(join(dir, file));
  }
}

function isShardOf(baseName: string, file: string): boolean {
  return file.startsWith(`${baseName}-`) && /^\d{5}-of-\d{5}\.safetensors$/.test(file.slice(baseName.length + 1));
}

async function fillShards(
  entries: Iterable<TensorToWrite> | AsyncIterable<TensorToWrite>,
  maxShardBytes: number,
): Promise<TensorToWrite[][]> {
  const shards: TensorToWrite[][] = [[]];
  let bytes = 0;
  for await (const entry of entries) {
    const size = byteLength(entry);
    if (shards.at(-1)!.length > 0 && bytes + size > maxShardBytes) {
      shards.push([]);
      bytes = 0;
    }
    shards.at(-1)!.push(entry);
    bytes += size;
  }
  return shards;
}
