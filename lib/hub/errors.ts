/** Turns what goes wrong between here and the hub into one sentence with a way out. */
import { HubApiError } from "@huggingface/hub";
import { fail, TunelabError } from "../errors.js";
import { endpoint } from "./settings.js";

export interface RepositoryName {
  readonly type: "model" | "dataset";
  readonly repoId: string;
  readonly revision: string;
}

/** Whether the hub could not be asked: no network, no such host, refused, timed out, or it is failing itself. */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof HubApiError) return error.statusCode >= 500;
  if (!(error instanceof Error) || error instanceof TunelabError) return false;
  return error.name === "TimeoutError" || error.name === "AbortError" || error.message === "fetch failed";
}

/** Throws the sentence for an answer of the hub or the lack of one. */
export function hubFailure({ type, repoId, revision }: RepositoryName, error: unknown): never {
  if (error instanceof TunelabError) throw error;
  const what = `the ${type} ${repoId}`;
  const page = `${endpoint()}/${type === "dataset" ? "datasets/" : ""}${repoId}`;
  const cause = { cause: error };
  if (error instanceof HubApiError) {
    const { statusCode } = error;
    if (statusCode === 401 || statusCode === 403) {
      fail(`The hub gives no access to ${what} (HTTP ${statusCode}): it is private or gated, or does not exist.`, {
        hint: `Check the name, accept its terms on ${page}, and pass a token or set HF_TOKEN.`,
        ...cause,
      });
    }
    if (statusCode === 404) {
      const at = revision === "main" ? "" : ` at revision "${revision}"`;
      fail(`The hub has not got ${what}${at} (HTTP 404).`, { hint: `Check the name on ${endpoint()}.`, ...cause });
    }
    if (statusCode === 429) {
      fail(`The hub asks to slow down (HTTP 429) for ${what}.`, {
        hint: "Pass a token, or wait a few minutes.",
        ...cause,
      });
    }
    fail(`The hub answered HTTP ${statusCode} for ${what}.`, { hint: "Try again later.", ...cause });
  }
  const reason = error instanceof Error ? error.message : String(error);
  fail(`Loading ${what} from the hub failed: ${reason}.`, {
    hint: "Run it again: a download goes on where it broke off.",
    ...cause,
  });
}
