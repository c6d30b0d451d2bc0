/** The magics there are, and what their arguments can be. */

export const CELL_MAGICS = ["time", "check", "sh", "bash", "html"] as const;

/** What type errors do: stop the cell, or be shown while it runs. */
export const CHECK_LEVELS = ["error", "warn"] as const;
export type CheckLevel = (typeof CHECK_LEVELS)[number];

export function isCheckLevel(level: string): level is CheckLevel {
  return (CHECK_LEVELS as readonly string[]).includes(level);
}
