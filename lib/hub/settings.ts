/** What the environment says about the hub, by the variables that Python's huggingface_hub reads. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { getHFHubCachePath, HUB_URL } from "@huggingface/hub";
import { fail } from "../errors.js";

/** Address of the hub without a slash at its end: HF_ENDPOINT, or https://huggingface.co. */
export function endpoint(): string {
  return (process.env.HF_ENDPOINT || HUB_URL).replace(/\/+$/, "");
}

/** Whether HF_HUB_OFFLINE forbids the network. */
export function isOffline(): boolean {
  return /^(?:1|on|yes|true)$/i.test(process.env.HF_HUB_OFFLINE ?? "");
}

/** Folder of the cache: HF_HUB_CACHE, or hub under HF_HOME, or ~/.cache/huggingface/hub. */
export function cacheDirectory(): string {
  return getHFHubCachePath();
}

/** Folder of one repository in the cache, e.g. models--unsloth--Qwen2.5-0.5B. */
export function repositoryDirectory(type: "model" | "dataset", repoId: string): string {
  return join(cacheDirectory(), `${type}s--${repoId.replaceAll("/", "--")}`);
}

/**
 * The access token: the one given, else HF_TOKEN, HUGGING_FACE_HUB_TOKEN or HUGGINGFACE_TOKEN, else the file that
 * `hf auth login` writes. Undefined when there is none; public repositories need none.
 */
export function accessToken(given: string | undefined): string | undefined {
  const { HF_TOKEN, HUGGING_FACE_HUB_TOKEN, HUGGINGFACE_TOKEN } = process.env;
  const token = (given || HF_TOKEN || HUGGING_FACE_HUB_TOKEN || HUGGINGFACE_TOKEN || storedToken())?.trim();
  if (!token) return undefined;
  if (!token.startsWith("hf_")) {
    fail('The access token of the Hugging Face hub does not start with "hf_".', {
      hint: "Copy it again from https://huggingface.co/settings/tokens, or unset it for public repositories.",
    });
  }
  return token;
}

function storedToken(): string | undefined {
  const home = process.env.HF_HOME ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "huggingface");
  try {
    return readFileSync(process.env.HF_TOKEN_PATH ?? join(home, "token"), "utf8");
  } catch {
    return undefined;
  }
}
