/** Whether the hub answers at all, asked briefly. */
import { endpoint, isOffline } from "./settings.js";

/**
 * True when the hub answers any HTTP response in time; false without a network and when HF_HUB_OFFLINE is set.
 * @param options.timeoutMs how long to wait, 2000 by default
 */
export async function isHubReachable({ timeoutMs = 2000 }: { timeoutMs?: number } = {}): Promise<boolean> {
  if (isOffline()) return false;
  try {
    const response = await fetch(endpoint(), { method: "HEAD", signal: AbortSignal.timeout(timeoutMs) });
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}
