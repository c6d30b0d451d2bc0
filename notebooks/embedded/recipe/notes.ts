// Case notes of the base corpus: clinical prose in the third person, findings first or diagnosis first.
import type { Case } from "./cases.js";
import type { FindingId } from "./content/findings.js";
import { places } from "./content/people.js";
import type { Random } from "./random.js";
import {
  bySource,
  capital,
  contrast,
  introduce,
  list,
  nameOf,
  person,
  possessive,
  pronoun,
  wordingOf,
} from "./wording.js";

/** The sentences that tell the findings; the first one introduces the person. */
function story(random: Random, item: Case, opening: string | null): string {
  const { sex } = item;
  const groups = bySource(item.findings);
  const say = (ids: readonly FindingId[]) => list(ids.map((id) => wordingOf(random, id, sex)));
  const they = capital(pronoun(sex));
  const their = capital(possessive(sex));
  const out: string[] = [];
  if (opening !== null) out.push(opening);
  const who = introduce(random, item);
  if (opening !== null) {
    if (groups.symptom.length > 0)
      out.push(`${they} ${random.pick(["had", "described", "reported", "had noticed"])} ${say(groups.symptom)}.`);
  } else if (groups.symptom.length > 0) {
    const split =
      groups.symptom.length > 1 && random.chance(0.5)
        ? random.int(1, groups.symptom.length - 1)
        : groups.symptom.length;
    const verb = random.pick([
      `came to ${random.pick(places)} with`,
      "presented with",
      `was seen in ${random.pick(places)} for`,
      "was admitted with",
      "complained of",
    ]);
    out.push(`${who} ${verb} ${say(groups.symptom.slice(0, split))}.`);
    if (split < groups.symptom.length) {
      out.push(
        `${they} also ${random.pick(["reported", "described", "mentioned", "had"])} ${say(groups.symptom.slice(split))}.`,
      );
    }
  } else {
    out.push(
      `${who} was ${random.pick([`referred to ${random.pick(places)}`, `seen in ${random.pick(places)}`, "sent for assessment"])}.`,
    );
  }
  const rest: string[] = [];
  if (groups.history.length > 0) {
    rest.push(
      random.pick([
        `The history included ${say(groups.history)}.`,
        `${their} background was notable for ${say(groups.history)}.`,
        `The notes recorded ${say(groups.history)}.`,
      ]),
    );
  }
  if (groups.sign.length > 0) {
    rest.push(
      random.pick([
        `Examination showed ${say(groups.sign)}.`,
        `On examination the doctor found ${say(groups.sign)}.`,
        `The physical examination revealed ${say(groups.sign)}.`,
        `Inspection and palpation found ${say(groups.sign)}.`,
      ]),
    );
  }
  if (groups.test.length > 0) {
    rest.push(
      random.pick([
        `Tests showed ${say(groups.test)}.`,
        `Investigations revealed ${say(groups.test)}.`,
        `The results showed ${say(groups.test)}.`,
        `Further workup found ${say(groups.test)}.`,
      ]),
    );
  }
  return [...out, ...(random.chance(0.8) ? rest : random.shuffle(rest))].join(" ");
}

/** What the doctors made of it, in canonical names. */
function assessment(random: Random, item: Case): string {
  const { condition, sex } = item;
  const told = random.sample(item.findings, Math.min(item.findings.length, random.int(2, 4))).map(nameOf);
  const out: string[] = [];
  out.push(
    random.pick([
      `In summary, a ${person(sex)} with ${list(told)}, in keeping with ${condition.kind}.`,
      `The combination of ${list(told)} pointed to ${condition.kind}.`,
      `The team noted ${list(told)} and thought of ${condition.kind}.`,
      `With ${list(told)}, ${condition.kind} was suspected.`,
      `The summary listed ${list(told)}.`,
    ]),
  );
  const other = random.chance(0.45) ? contrast(random, item) : null;
  if (other !== null) {
    const { name } = other.other;
    out.push(
      random.pick([
        `${capital(name)} was considered because of ${nameOf(other.shared)}, but ${nameOf(other.against)} argued against it.`,
        `${capital(name)} can cause ${nameOf(other.shared)} as well, yet it did not account for ${nameOf(other.against)}.`,
        `Although ${nameOf(other.shared)} occurs in ${name}, ${nameOf(other.against)} does not.`,
      ]),
    );
  }
  return out.join(" ");
}

function conclusion(random: Random, { condition, sex }: Case): string {
  const { name, confirm, treatment } = condition;
  const they = capital(pronoun(sex));
  const made = random.pick([
    `A diagnosis of ${name} was made.`,
    `The final diagnosis was ${name}.`,
    `${capital(confirm)} confirmed ${name}.`,
    `The picture fitted ${name}, which was confirmed by ${confirm}.`,
    `The discharge letter named ${name}.`,
    `This proved to be ${name}.`,
  ]);
  const after = random.pick([
    `${they} was treated with ${treatment}.`,
    `Treatment was ${treatment}.`,
    `${they} recovered well on ${treatment}.`,
    `${capital(confirm)} was arranged, and ${treatment} followed.`,
    `The plan was ${treatment}.`,
    "",
  ]);
  return `${made} ${after}`.trim();
}

/** One case note, a paragraph or a few short ones. */
export function caseNote(random: Random, item: Case): string {
  const form = random.next();
  const gap = random.chance(0.3) ? "\n" : " ";
  if (form < 0.12) {
    const { age, sex, condition } = item;
    const opening = random.pick([
      `This ${age}-year-old ${person(sex)} had ${condition.name}.`,
      `The file of a ${person(sex)} aged ${age} with ${condition.name}.`,
      `${capital(condition.name)} in a ${person(sex)} of ${age} years.`,
    ]);
    return `${story(random, item, opening)}${gap}Treatment was ${condition.treatment}.`;
  }
  const parts = [story(random, item, null)];
  if (random.chance(0.7)) parts.push(assessment(random, item));
  parts.push(conclusion(random, item));
  return parts.join(gap);
}
