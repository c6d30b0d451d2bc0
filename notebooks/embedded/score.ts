// Counts by code whether a generated answer has the trained form and names the right condition.
// Plain TypeScript without imports, so that a notebook cell can load it.

export interface Score {
  /** Step-by-step reasoning, then a last line with the final answer sentence. */
  readonly form: boolean;
  /** The right condition is named: in the final answer sentence, or anywhere when there is no such sentence. */
  readonly condition: boolean;
  /** The form is there and its final answer sentence names exactly the right condition. */
  readonly right: boolean;
}

const answerSentence = /^The most likely diagnosis is ([^.\n]+)\.(?:\s|$)/;
const firstStep = /^(First,|To begin,)\s/;
const middleStep = /[.!?]\s(Next,|Then,)\s/;
const lastStep = /[.!?]\s(So|Therefore|Taken together,)\s/;
const specialTokens = /<\|[a-z_]+\|>|<\/?think>/g;

const normalize = (name: string): string =>
  name
    .trim()
    .toLowerCase()
    .replace(/^(an?|the)\s/, "")
    .replace(/\s+/g, " ");

/** The condition that a text's final answer sentence names, or null when it has none. */
export function answeredCondition(text: string): string | null {
  const found = answerSentence.exec(text.trim());
  return found === null ? null : normalize(found[1]!);
}

/** The generated part: what follows the last "### Response:", or the whole text when the prompt was cut off before. */
export function generatedPart(text: string): string {
  const mark = "### Response:";
  const at = text.lastIndexOf(mark);
  return (at < 0 ? text : text.slice(at + mark.length)).replace(specialTokens, "").trim();
}

function splitAnswer(generated: string): { reasoning: string; answer: string } {
  const lines = generated
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return { reasoning: lines.slice(0, -1).join(" "), answer: lines.at(-1) ?? "" };
}

function hasSteps(reasoning: string): boolean {
  const words = reasoning.split(/\s+/).length;
  if (words < 20 || words > 200) return false;
  const first = firstStep.exec(reasoning);
  const middle = middleStep.exec(reasoning);
  const last = lastStep.exec(reasoning);
  return first !== null && middle !== null && last !== null && middle.index < last.index;
}

/**
 * Scores one generated answer against its row.
 *
 * @param text the decoded output; the prompt may still be in front of it
 * @param row the row whose `Response` holds the right answer sentence
 */
export function scoreAnswer(text: string, row: { readonly Response: string }): Score {
  const expected = answeredCondition(row.Response);
  if (expected === null) throw new Error(`The row's Response has no answer sentence: "${row.Response}".`);
  const generated = generatedPart(text);
  const { reasoning, answer } = splitAnswer(generated);
  const answered = answeredCondition(answer);
  const once = generated.split("The most likely diagnosis is").length === 2;
  const form =
    once && answered !== null && !generated.includes("###") && answer.split(/\s+/).length <= 60 && hasSteps(reasoning);
  const mentioned = new RegExp(`(^|[^a-z-])${expected.replace(/[^a-z0-9 ]/g, "\\$&")}([^a-z-]|$)`);
  const condition = answered === null ? mentioned.test(normalize(generated)) : answered === expected;
  return { form, condition, right: form && answered === expected };
}
