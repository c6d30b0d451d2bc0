/** A model of the hub as a local folder. */
import { fail } from "../errors.js";
import type { ProgressListener } from "./progress.js";
import { openRepository, type RepositoryOptions } from "./repository.js";

export interface SnapshotOptions extends RepositoryOptions {
  /** Which of the repository's files to bring, given all paths. Defaults to weights, configuration and tokenizer. */
  readonly files?: (paths: readonly string[]) => readonly string[];
  /** Called while files come. Defaults to a line on the console every five seconds. */
  readonly onProgress?: ProgressListener;
}

/**
 * Brings the files of a model into the cache that Python's huggingface_hub shares, and returns their folder.
 * @param repoId e.g. "unsloth/DeepSeek-R1-Distill-Qwen-14B"
 * @throws TunelabError without access (401, 403), for an unknown name (404), and offline when the cache lacks it
 */
export async function snapshot(repoId: string, options: SnapshotOptions = {}): Promise<string> {
  const repository = await openRepository("model", repoId, options);
  const wanted = (options.files ?? modelFiles)(repository.paths);
  if (wanted.length === 0) {
    fail(`${repoId} holds no safetensors weights or configuration.`, {
      hint: repository.paths.some((path) => path.endsWith(".bin"))
        ? "Its weights are Python pickles (.bin): look for a copy as safetensors."
        : "Check that it is a model in Hugging Face layout.",
    });
  }
  await repository.fetch(wanted, options.onProgress);
  return repository.directory;
}

const WEIGHTS = /^(?:adapter_)?model\.safetensors$/;
const SHARD = /^(?:adapter_)?model-\d{5}-of-\d{5}\.safetensors$/;
const TEXTS = /^(?:[^/]+\.json|[^/]+\.jinja|merges\.txt|vocab\.txt|tokenizer\.model)$/;

/** Weights as safetensors (shards only when there is no single file), configuration and tokenizer. */
export function modelFiles(paths: readonly string[]): string[] {
  const single = paths.includes("model.safetensors");
  return paths.filter((path) => TEXTS.test(path) || WEIGHTS.test(path) || (!single && SHARD.test(path)));
}
