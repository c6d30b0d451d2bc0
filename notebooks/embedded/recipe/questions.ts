// Question rows in the article's schema: a case as a question, the reasoning in steps, and the answer.
import type { MedicalRow } from "../template.js";
import type { Case } from "./cases.js";
import type { FindingId } from "./content/findings.js";
import type { Random } from "./random.js";
import { bySource, capital, contrast, introduce, list, nameOf, possessive, pronoun, wordingOf } from "./wording.js";

function question(random: Random, item: Case): string {
  const { sex } = item;
  const groups = bySource(item.findings);
  const say = (ids: readonly FindingId[]) => list(ids.map((id) => wordingOf(random, id, sex)));
  const they = capital(pronoun(sex));
  const who = introduce(random, item);
  const out: string[] = [];
  if (groups.symptom.length > 0) {
    out.push(
      `${who} ${random.pick(["presents with", "comes to the clinic with", "has", "reports", "is seen for"])} ${say(groups.symptom)}.`,
    );
  } else {
    out.push(`${who} is ${random.pick(["referred to the clinic", "seen by a doctor", "sent for assessment"])}.`);
  }
  if (groups.history.length > 0) {
    out.push(
      random.pick([
        `The history includes ${say(groups.history)}.`,
        `${capital(possessive(sex))} history is notable for ${say(groups.history)}.`,
      ]),
    );
  }
  if (groups.sign.length > 0)
    out.push(
      `${random.pick(["Examination shows", "The doctor finds", "On examination there is"])} ${say(groups.sign)}.`,
    );
  if (groups.test.length > 0)
    out.push(`${random.pick(["Tests show", "Investigations reveal", "The workup shows"])} ${say(groups.test)}.`);
  out.push(
    random.pick([
      "What is the most likely diagnosis?",
      "Which condition best explains these findings?",
      `What does ${they.toLowerCase()} most likely have?`,
      "What is the diagnosis?",
      "Which diagnosis fits best?",
    ]),
  );
  return out.join(" ");
}

/** Steps in order: the findings, what they point to, what speaks against another condition, the conclusion. */
function reasoning(random: Random, item: Case): string {
  const { condition, sex } = item;
  const keys = item.findings.filter((id) => condition.key.includes(id));
  const rest = item.findings.filter((id) => !condition.key.includes(id));
  const all = list(item.findings.map(nameOf));
  const they = pronoun(sex);
  const first = random.pick([
    `First, ${they} has ${all}.`,
    `First, the clues are ${all}.`,
    `To begin, the main findings are ${all}.`,
    `To begin, note ${all}.`,
  ]);
  const pair = list([nameOf(random.pick(keys)), nameOf(random.pick(rest))]);
  const next = random.pick([
    `Next, ${pair} point to ${condition.kind}.`,
    `Next, ${pair} suggest ${condition.kind}.`,
    `Then, ${pair} together suggest ${condition.kind}.`,
    `Then, think of ${condition.kind}, given ${pair}.`,
  ]);
  const other = contrast(random, item);
  const against =
    other === null
      ? ""
      : random.pick([
          `${capital(other.other.name)} can also cause ${nameOf(other.shared)}, but it does not explain ${nameOf(other.against)}.`,
          `${capital(other.other.name)} is possible because of ${nameOf(other.shared)}, yet ${nameOf(other.against)} speaks against it.`,
          `Against ${other.other.name} speaks ${nameOf(other.against)}.`,
        ]);
  const last = random.pick([
    `So the picture fits ${condition.name}.`,
    `Therefore ${condition.name} explains all of the findings.`,
    `Taken together, this is ${condition.name}.`,
    `So ${condition.name} fits best.`,
  ]);
  return [first, next, against, last].filter((sentence) => sentence !== "").join(" ");
}

function answer(random: Random, { condition }: Case): string {
  const { name, confirm, treatment } = condition;
  return `The most likely diagnosis is ${name}. ${random.pick([
    `It is confirmed by ${confirm} and treated with ${treatment}.`,
    `The next step is ${confirm}.`,
    `Treatment is ${treatment}.`,
    `It should be confirmed by ${confirm}.`,
  ])}`;
}

export function questionRow(random: Random, item: Case): MedicalRow {
  return { Question: question(random, item), Complex_CoT: reasoning(random, item), Response: answer(random, item) };
}
