/** Processes as the system sees them: what they hold, and which are whose. */
import { readdirSync, readFileSync } from "node:fs";

/** Resident memory in bytes. */
export function resident(pid: number): number {
  const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(statusOf(pid)) ?? [];
  return Number(kilobytes) * 1024;
}

export function childrenOf(parent: number): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && new RegExp(`PPid:\\s+${parent}\n`).test(statusOf(pid)));
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    // It has ended meanwhile.
    return "";
  }
}
