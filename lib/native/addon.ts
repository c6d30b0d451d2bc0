/**
 * The single typed border to the C++ addon: where it is looked for, and what its op table takes.
 * Every op checks its arguments and throws; promises come from `download` and `readIntoBuffer` alone.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { TensorTable } from "../tensor/backend/table.js";
import type { CudaTable } from "./cuda/table.js";
import type { OpTable } from "./opTable.js";

export type * from "./cuda/table.js";
export type * from "./opTable.js";

/** What build/native/tunelab.node exports. */
export interface Addon {
  /** The op table on host memory. */
  readonly cpu: OpTable;
  /** The op table on the GPU; absent from an addon that was built without CUDA. Its `probe` says whether it can work. */
  readonly cuda?: CudaTable;
  /** Kernels of the tfjs backend "cpu-native" on host memory. */
  readonly tensor: TensorTable;
  /** The same on the GPU, for the backend "cuda"; there when `cuda` is. */
  readonly cudaTensor?: TensorTable;
}

/** The addon and the file it came from, or the reason why there is none. */
export type LoadedAddon =
  | { readonly addon: Addon; readonly file: string }
  | { readonly addon?: undefined; readonly reason: string };

/** Whether a GPU may be there: its driver's device on Linux, or Windows' on WSL. */
function mayHaveGpu(): boolean {
  return process.env.TUNELAB_BACKEND === "cuda" || existsSync("/dev/nvidiactl") || existsSync("/dev/dxg");
}

/**
 * build/native/tunelab.node of the package that this module belongs to, whether it runs from lib/ or from dist/lib/; with
 * a GPU build/cuda/tunelab.node where it was built.
 */
function defaultFile(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json")) && folder !== dirname(folder)) folder = dirname(folder);
  const cuda = join(folder, "build", "cuda", "tunelab.node");
  return mayHaveGpu() && existsSync(cuda) ? cuda : join(folder, "build", "native", "tunelab.node");
}

let loaded: LoadedAddon | undefined;

/**
 * Loads the addon once. `TUNELAB_NATIVE` names another file, or is `0` to do without.
 * Never throws: a missing, broken or refused addon becomes a `reason`.
 */
export function loadAddon(): LoadedAddon {
  loaded ??= load();
  return loaded;
}

function load(): LoadedAddon {
  const override = process.env.TUNELAB_NATIVE;
  if (override === "0") return { reason: "The native addon is switched off by TUNELAB_NATIVE=0." };
  const file = override ? resolve(override) : defaultFile();
  if (!existsSync(file)) {
    return { reason: `The native addon ${file} does not exist. Build it with "npm run build:native".` };
  }
  // OpenBLAS reads this once, while it is loaded: its own threads would only lie idle beside the addon's.
  const threads = process.env.OPENBLAS_NUM_THREADS;
  process.env.OPENBLAS_NUM_THREADS = "1";
  try {
    const addon = createRequire(import.meta.url)(file) as Partial<Addon>;
    if (addon.cpu === undefined) throw new Error("it is no addon of tunelab.");
    return { addon: addon as Addon, file };
  } catch (error) {
    return { reason: `The native addon ${file} does not load: ${error instanceof Error ? error.message : error}` };
  } finally {
    if (threads === undefined) delete process.env.OPENBLAS_NUM_THREADS;
    else process.env.OPENBLAS_NUM_THREADS = threads;
  }
}
