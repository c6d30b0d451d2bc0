/** What can go wrong on somebody's machine, as one sentence and the way out. */

/** A failure that is told without a stack: `message` names what happened, `hint` what to do. */
export class Problem extends Error {
  /**
   * @param {string} message
   * @param {string} [hint]
   */
  constructor(message, hint) {
    super(message);
    this.hint = hint;
  }
}

/** Ctrl-C: nothing is wrong, and nothing may be concluded from it. */
export class Interrupted extends Problem {
  constructor() {
    super("Set-up was interrupted.", "The same command continues where it stopped.");
  }
}

const known = [
  {
    pattern: /ENOSPC|No space left on device|disk quota exceeded/i,
    message: "The disk is full.",
    hint: "Free about 2 GB where the checkout lies and run the same command again; it continues where it stopped.",
  },
  {
    pattern: /EACCES|EROFS|EPERM|Permission denied|Read-only file system/i,
    message: "A file of the checkout cannot be written.",
    hint: "Make the checkout writable for this user (or clone it into your home folder) and run the same command again.",
  },
  {
    pattern:
      /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|name resolution|NewConnectionError|Max retries exceeded|ConnectTimeout|Network is unreachable|Could not connect|from versions: none/i,
    message: "The package registry could not be reached.",
    hint: "Check the network connection or the proxy settings (HTTPS_PROXY) and run the same command again; finished stages are kept.",
  },
  {
    pattern: /lock file.*not in sync|can only install packages when your package\.json and package-lock\.json/i,
    message: "package.json and package-lock.json disagree.",
    hint: "Run `npm install --ignore-scripts` once and commit package-lock.json.",
  },
];

/**
 * The problem behind a failed program or system call: a known one in plain words, otherwise its last lines.
 * @param {string} what what was being done, as a noun phrase
 * @param {string} text the end of the program's output, or the error's message
 * @param {string} [log] where the whole output lies
 */
export function explain(what, text, log) {
  const found = known.find(({ pattern }) => pattern.test(text));
  const where = log === undefined ? "" : ` Log: ${log}`;
  if (found !== undefined) return new Problem(`${what} failed: ${found.message}`, `${found.hint}${where}`);
  const last = text.trim().split("\n").slice(-5).join("\n");
  return new Problem(`${what} failed.${last === "" ? "" : `\n${last}`}`, where.trim() || undefined);
}
