/** Lines on the terminal: lasting ones, and one on the last row that is written over. */

const live = process.stdout.isTTY === true;

/**
 * Shows `text` on the last row until the next line; nothing when the output is not a terminal.
 * @param {string} text empty to clear the row
 */
export function transient(text) {
  if (!live) return;
  const width = Math.max(20, (process.stdout.columns || 80) - 3);
  process.stdout.write(
    `\r\x1b[2K${text === "" ? "" : `\x1b[2m  ${text.replaceAll(/[\r\t]/g, " ").slice(0, width)}\x1b[0m`}`,
  );
}

/** @param {string} text */
export function say(text) {
  transient("");
  process.stdout.write(`${text}\n`);
}

/** @param {number} since a `performance.now()` */
export function elapsed(since) {
  const seconds = (performance.now() - since) / 1000;
  return seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
