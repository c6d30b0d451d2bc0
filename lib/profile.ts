/**
 * Which model and data set the article's names stand for on this machine: the real ones ("article"), or the small ones
 * that the repository ships ("embedded").
 */
import { join } from "node:path";
import { fail, suggestion } from "./errors.js";
import { isHubReachable } from "./hub/reachable.js";
import { packageRoot } from "./packageRoot.js";
import { initBackend } from "./tensor/backend.js";

export const PROFILES = ["article", "embedded"] as const;
export type ProfileName = (typeof PROFILES)[number];

export interface Profile {
  readonly name: ProfileName;
  /** The tensor backend that computes. */
  readonly backend: string;
  /** Why this profile was picked, one sentence. */
  readonly reason: string;
}

/** The article's model and data set, and where their embedded stand-ins lie. */
export const ARTICLE_MODEL = "unsloth/DeepSeek-R1-Distill-Qwen-14B";
export const ARTICLE_DATASET = "FreedomIntelligence/medical-o1-reasoning-SFT";
export const EMBEDDED_MODEL = join(packageRoot, "notebooks", "embedded", "model");
export const EMBEDDED_DATASET = join(packageRoot, "notebooks", "embedded", "data");

let picked: Promise<Profile> | null = null;

/**
 * The profile of this process. `TUNELAB_PROFILE=article` or `=embedded` forces it; otherwise the article's own model
 * needs an NVIDIA GPU and a network, and the embedded one runs everywhere.
 */
export function currentProfile(): Promise<Profile> {
  picked ??= pick();
  return picked;
}

async function pick(): Promise<Profile> {
  const backend = await initBackend();
  const forced = process.env.TUNELAB_PROFILE;
  if (forced !== undefined && forced !== "") {
    const name = PROFILES.find((profile) => profile === forced);
    if (name === undefined) fail(`TUNELAB_PROFILE is "${forced}".`, { hint: suggestion(forced, PROFILES) });
    return { name, backend, reason: `TUNELAB_PROFILE asks for the ${name} profile.` };
  }
  if (backend !== "cuda") {
    return {
      name: "embedded",
      backend,
      reason: "No CUDA backend computes here, so the small model of the repository runs.",
    };
  }
  if (!(await isHubReachable({ timeoutMs: 3000 }))) {
    return {
      name: "embedded",
      backend,
      reason: "The Hugging Face hub cannot be reached, so the small model of the repository runs.",
    };
  }
  return { name: "article", backend, reason: "A GPU computes and the hub answers, so the article's own model runs." };
}
