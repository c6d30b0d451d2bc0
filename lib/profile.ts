/**
 * Which model and data set the article's names stand for on this machine: the real ones ("article"), or the small ones
 * that the repository ships ("embedded").
 */
import { fail, suggestion } from "./errors.js";
import { isHubReachable } from "./hub/reachable.js";
import { type BackendReport, backendReport, initBackend } from "./tensor/backend.js";

export const PROFILES = ["article", "embedded"] as const;
export type ProfileName = (typeof PROFILES)[number];

export interface Profile {
  readonly name: ProfileName;
  /** The tensor backend that computes, its threads, and why it is this one. */
  readonly backend: string;
  readonly threads: number;
  readonly backendReason: string;
  /** Why this profile was picked, one sentence. */
  readonly reason: string;
}

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
  const { backend, threads, reason: backendReason } = await startedBackend();
  const found = { backend, threads, backendReason };
  const forced = process.env.TUNELAB_PROFILE;
  if (forced !== undefined && forced !== "") {
    const name = PROFILES.find((profile) => profile === forced);
    if (name === undefined) fail(`TUNELAB_PROFILE is "${forced}".`, { hint: suggestion(forced, PROFILES) });
    return { name, ...found, reason: `TUNELAB_PROFILE asks for the ${name} profile.` };
  }
  if (backend !== "cuda") {
    return {
      name: "embedded",
      ...found,
      reason: "No CUDA backend computes here, so the small model of the repository runs.",
    };
  }
  if (!(await isHubReachable({ timeoutMs: 3000 }))) {
    return {
      name: "embedded",
      ...found,
      reason: "The Hugging Face hub cannot be reached, so the small model of the repository runs.",
    };
  }
  return { name: "article", ...found, reason: "A GPU computes and the hub answers, so the article's own model runs." };
}

async function startedBackend(): Promise<BackendReport> {
  await initBackend();
  return backendReport() ?? fail("No tensor backend started.");
}
