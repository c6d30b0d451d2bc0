/** The notebook that shows results, when there is one: the kernel's runner puts a display function on globalThis. */

/** One result in several formats, by MIME type. */
export interface DisplayBundle {
  readonly data: Readonly<Record<string, unknown>>;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface DisplayFunction {
  (bundle: DisplayBundle, options?: { displayId?: string; update?: boolean }): void;
  /** It writes charts into files beside what is printed, as in a script that was exported from a notebook. */
  readonly inTerminal?: boolean;
}

/** The current cell's display function, or null outside a notebook. */
export function notebookDisplay(): DisplayFunction | null {
  const display = (globalThis as Record<symbol, unknown>)[Symbol.for("tunelab.display")];
  return typeof display === "function" ? (display as DisplayFunction) : null;
}
