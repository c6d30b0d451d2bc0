/** What a run of the article came to, for the terminal. */

/**
 * outputs/summary.json, as the notebook writes it.
 * @typedef {object} Summary
 * @property {string} profile
 * @property {string} backend
 * @property {number | null} heldOutBefore share of held-out cases answered right before fine-tuning, 0 to 1
 * @property {number | null} heldOutAfter the same after it; both null for a data set without a held-out part
 * @property {number} firstLoss
 * @property {number} lastLoss
 * @property {number} trainSeconds
 * @property {number} tokensPerSecond
 * @property {string} [question] the article's case
 * @property {string} [caseBefore]
 * @property {string} [caseAfter]
 */

const results = [
  ["outputs/article.ipynb", "the executed notebook"],
  ["outputs/article.html", "the same as a page that opens offline"],
  ["outputs/article.ts", "the same as a script: npx tsx outputs/article.ts"],
  ["outputs/adapter/", "the LoRA adapter, loads in PEFT"],
  ["outputs/merged/", "the merged model, loads in transformers"],
  ["outputs/summary.json", "these figures"],
];

/**
 * @param {Summary} summary
 * @param {number} width of the terminal
 */
export function summaryText(summary, width) {
  const { question, caseBefore, caseAfter } = summary;
  const lines = [`Profile ${summary.profile}, backend ${summary.backend}`, ""];
  if (question !== undefined) lines.push(...wrap(question, Math.min(width, 120)), "");
  if (caseBefore !== undefined && caseAfter !== undefined) {
    lines.push(
      ...sideBySide(["Before fine-tuning", caseBefore], ["After fine-tuning", caseAfter], Math.min(width, 140)),
      "",
    );
  }
  const { heldOutBefore, heldOutAfter } = summary;
  if (heldOutBefore !== null && heldOutAfter !== null) {
    lines.push(`Held-out cases   ${percent(heldOutBefore)} right before, ${percent(heldOutAfter)} after`);
  }
  lines.push(
    `Loss             ${summary.firstLoss.toFixed(4)} at first, ${summary.lastLoss.toFixed(4)} at last`,
    `Training         ${summary.trainSeconds.toFixed(1)} s, ${Math.round(summary.tokensPerSecond).toLocaleString("en")} tokens/s`,
    "",
    ...results.map(([path = "", what]) => `  ${path.padEnd(24)} ${what}`),
  );
  return lines.join("\n");
}

/** @param {number} share */
const percent = (share) => `${(100 * share).toFixed(0)} %`;

/**
 * Two titled texts in two columns.
 * @param {[string, string]} left
 * @param {[string, string]} right
 * @param {number} width
 */
export function sideBySide([leftTitle, left], [rightTitle, right], width) {
  const column = Math.max(20, Math.floor((width - 3) / 2));
  const a = [leftTitle, "-".repeat(column), ...wrap(left, column)];
  const b = [rightTitle, "-".repeat(column), ...wrap(right, column)];
  return Array.from({ length: Math.max(a.length, b.length) }, (_, row) =>
    `${(a[row] ?? "").padEnd(column)} | ${b[row] ?? ""}`.trimEnd(),
  );
}

/**
 * Lines of at most `width` characters; words longer than that are cut.
 * @param {string} text
 * @param {number} width
 */
export function wrap(text, width) {
  const pattern = new RegExp(`(\\S.{0,${width - 1}})(?=\\s|$)|\\S{${width}}`, "g");
  return text
    .trim()
    .split("\n")
    .flatMap((line) => line.match(pattern)?.map((part) => part.trimEnd()) ?? [""]);
}
