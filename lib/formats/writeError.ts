/** What the system says when it cannot write, as a sentence that names the path and the way out. */
import { fail } from "../errors.js";

const REASONS: Record<string, [reason: string, hint: string]> = {
  ENOSPC: ["the disk is full", "Free some space, or write to a folder on another disk."],
  EDQUOT: ["your share of the disk is used up", "Free some space, or write to a folder on another disk."],
  EACCES: ["that is not permitted", "Write to a folder of your own."],
  EPERM: ["that is not permitted", "Write to a folder of your own."],
  EROFS: ["its file system can only be read", "Write to a folder on another one."],
  ENOTDIR: ["a part of this path is a file, not a folder", "Write to another folder."],
  EEXIST: ["there is a file where a folder is needed", "Write to another folder."],
};

/** Does `work`, which writes `path`. */
export async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const [reason, hint] = REASONS[(cause as NodeJS.ErrnoException | null)?.code ?? ""] ?? [];
    if (reason === undefined || hint === undefined) throw cause;
    fail(`${path} cannot be written: ${reason}.`, { hint, cause });
  }
}
