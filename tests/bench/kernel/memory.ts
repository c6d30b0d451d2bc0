/** Memory of a process and of all that it started. */
import { readdirSync, readFileSync } from "node:fs";

const MIB = 1024;

export interface Memory {
  /** Proportional set size: a page that several processes share is divided among them. */
  pssMiB: number;
  /** Resident set size, with shared pages counted in each process. */
  rssMiB: number;
}

/** Undefined where there is no /proc. */
export function memoryOfTree(pid: number): Memory | undefined {
  try {
    let [pss, rss] = [0, 0];
    for (const member of tree(pid)) {
      const text = readFileSync(`/proc/${member}/smaps_rollup`, "utf8");
      pss += kilobytes(text, "Pss");
      rss += kilobytes(text, "Rss");
    }
    return { pssMiB: pss / MIB, rssMiB: rss / MIB };
  } catch {
    return undefined;
  }
}

function tree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const parent = parentOf(pid);
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const members = [root];
  for (const pid of members) members.push(...(children.get(pid) ?? []));
  return members;
}

/** Undefined when the process has ended meanwhile. */
function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name stands in parentheses and may hold anything.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined;
  }
}

function kilobytes(text: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0);
}
