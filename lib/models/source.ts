/** Where a model's files lie: a folder, the embedded model, or the hub's cache. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { standIn } from "../embedded.js";
import { fail } from "../errors.js";
import { snapshot } from "../hub/snapshot.js";

export interface ModelSource {
  /** The name that was asked for. */
  readonly requested: string;
  readonly kind: "folder" | "embedded" | "hub";
  /** Folder that holds config.json and the weights. */
  readonly directory: string;
}

export interface SourceOptions {
  readonly token?: string | undefined;
  readonly revision?: string | undefined;
}

/** Finds the files of `name`: an existing folder first, then the profile's stand-in, then the hub. */
export async function resolveModel(name: string, options: SourceOptions): Promise<ModelSource> {
  if (existsSync(name)) {
    if (!existsSync(join(name, "config.json")) && !existsSync(join(name, "adapter_config.json"))) {
      fail(`The folder ${name} holds neither config.json nor adapter_config.json.`, {
        hint: "Name a folder in Hugging Face layout, or a model of the hub.",
      });
    }
    return { requested: name, kind: "folder", directory: resolve(name) };
  }
  if (/^[./~]/.test(name)) fail(`There is no folder ${resolve(name)}.`);
  const folder = await standIn(name);
  if (folder !== null) return { requested: name, kind: "embedded", directory: folder };
  return { requested: name, kind: "hub", directory: await snapshot(name, options) };
}
