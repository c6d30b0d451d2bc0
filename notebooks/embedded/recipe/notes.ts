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

/** Past or present, one tense for a whole note. */
type Tense = (past: string, present: string) => string;

const linkWords = ["", "", "", "", "Next, ", "Then, "] as const;

/** The sentences that tell the findings; the first one introduces the person unless an opening has done so. */
function story(random: Random, item: Case, tense: Tense, opening: string | null): string {
  const { sex } = item;
  const groups = bySource(item.findings);
  const say = (ids: readonly FindingId[]) => list(ids.map((id) => wordingOf(random, id, sex)));
  const link = (sentence: string) => {
    const word = random.pick(linkWords);
    return word === "" ? capital(sentence) : word + sentence;
  };
  const they = capital(pronoun(sex));
  const out: string[] = [];
  const { symptom } = groups;
  if (opening !== null) {
    out.push(opening);
    if (symptom.length > 0) {
      const verb = random.pick([tense("had", "has"), tense("described", "describes"), tense("reported", "reports")]);
      out.push(`${they} ${verb} ${say(symptom)}.`);
    }
  } else if (symptom.length > 0) {
    const split = symptom.length > 1 && random.chance(0.5) ? random.int(1, symptom.length - 1) : symptom.length;
    const verb = random.pick([
      `${tense("came", "comes")} to ${random.pick(places)} with`,
      `${tense("presented", "presents")} with`,
      `${tense("was", "is")} seen in ${random.pick(places)} for`,
      `${tense("was", "is")} admitted with`,
      tense("complained of", "reports"),
    ]);
    out.push(`${introduce(random, item)} ${verb} ${say(symptom.slice(0, split))}.`);
    if (split < symptom.length) {
      const also = random.pick([tense("reported", "reports"), tense("described", "describes"), tense("had", "has")]);
      out.push(`${they} also ${also} ${say(symptom.slice(split))}.`);
    }
  } else {
    const sent = random.pick([
      `referred to ${random.pick(places)}`,
      `seen in ${random.pick(places)}`,
      "sent for assessment",
    ]);
    out.push(`${introduce(random, item)} ${tense("was", "is")} ${sent}.`);
  }
  const rest: string[] = [];
  const { history, sign, test } = groups;
  if (history.length > 0) {
    rest.push(
      random.pick([
        `The history ${tense("included", "includes")} ${say(history)}.`,
        `${capital(possessive(sex))} background ${tense("was", "is")} notable for ${say(history)}.`,
        `The notes ${tense("recorded", "record")} ${say(history)}.`,
      ]),
    );
  }
  if (sign.length > 0) {
    rest.push(
      random.pick([
        link(`examination ${tense("showed", "shows")} ${say(sign)}.`),
        `On examination the doctor ${tense("found", "finds")} ${say(sign)}.`,
        `The physical examination ${tense("revealed", "reveals")} ${say(sign)}.`,
        link(`inspection and palpation ${tense("found", "find")} ${say(sign)}.`),
      ]),
    );
  }
  if (test.length > 0) {
    rest.push(
      random.pick([
        link(`tests ${tense("showed", "show")} ${say(test)}.`),
        link(`investigations ${tense("revealed", "reveal")} ${say(test)}.`),
        `The results ${tense("showed", "show")} ${say(test)}.`,
        `Further workup ${tense("found", "finds")} ${say(test)}.`,
      ]),
    );
  }
  return [...out, ...(random.chance(0.8) ? rest : random.shuffle(rest))].join(" ");
}

/** What the doctors made of it, in canonical names. */
function assessment(random: Random, item: Case, tense: Tense): string {
  const { condition, sex } = item;
  const told = list(random.sample(item.findings, Math.min(item.findings.length, random.int(2, 4))).map(nameOf));
  const out = [
    random.pick([
      `In summary, a ${person(sex)} with ${told}, in keeping with ${condition.kind}.`,
      `The combination of ${told} ${tense("pointed", "points")} to ${condition.kind}.`,
      `The team noted ${told} and thought of ${condition.kind}.`,
      `With ${told}, ${condition.kind} ${tense("was", "is")} suspected.`,
      `The summary ${tense("listed", "lists")} ${told}.`,
      `Taken together, ${told} ${tense("meant", "mean")} ${condition.kind}.`,
      `${capital(told)}: these clues ${tense("led", "lead")} to ${condition.kind}.`,
    ]),
  ];
  const other = random.chance(0.45) ? contrast(random, item) : null;
  if (other !== null) {
    const { name } = other.other;
    const shared = nameOf(other.shared);
    const against = nameOf(other.against);
    out.push(
      random.pick([
        `${capital(name)} was considered because of ${shared}, but ${against} argued against it.`,
        `${capital(name)} ${tense("could", "can")} cause ${shared} as well, yet it ${tense("did", "does")} not explain ${against}.`,
        `Although ${shared} occurs in ${name}, ${against} does not.`,
        `Against ${name} ${tense("spoke", "speaks")} ${against}, which ${tense("fitted", "fits")} ${condition.kind} best.`,
      ]),
    );
  }
  return out.join(" ");
}

function conclusion(random: Random, { condition, sex }: Case, tense: Tense): string {
  const { name, confirm, treatment } = condition;
  const they = capital(pronoun(sex));
  const was = tense("was", "is");
  const made = random.pick([
    `A diagnosis of ${name} ${was} made.`,
    `The final diagnosis ${was} ${name}.`,
    `${capital(confirm)} confirmed ${name}.`,
    `The picture ${tense("fitted", "fits")} ${name}, which ${was} confirmed by ${confirm}.`,
    `The discharge letter ${tense("named", "names")} ${name}.`,
    `This ${tense("proved", "proves")} to be ${name}.`,
    `Therefore the doctors ${tense("treated", "treat")} it as ${name}.`,
    `So ${name} ${tense("became", "becomes")} the working diagnosis.`,
  ]);
  const after = random.pick([
    `${they} ${was} treated with ${treatment}.`,
    `Treatment ${was} ${treatment}.`,
    `${they} recovered well on ${treatment}.`,
    `${capital(confirm)} ${was} arranged, and ${treatment} followed.`,
    `The plan ${was} ${treatment}.`,
    `The next step ${was} ${confirm}.`,
    `First, the team ${tense("arranged", "arranges")} ${confirm}. Then, ${treatment} ${tense("followed", "follows")}.`,
    `To begin, the ward ${tense("prepared", "prepares")} for ${confirm}.`,
    "",
  ]);
  return `${made} ${after}`.trim();
}

const findingsHeadings = ["History", "Patient", "Findings", "Presentation", "Referral"] as const;
const courseHeadings = ["Assessment", "Course", "Summary", "Opinion", "Impression"] as const;

/** One case note: a paragraph, a few short ones, or sections with headings as in a discharge summary. */
export function caseNote(random: Random, item: Case): string {
  const present = random.chance(0.4);
  const tense: Tense = (past, now) => (present ? now : past);
  const gap = random.chance(0.3) ? "\n" : " ";
  const form = random.next();
  if (form < 0.12) {
    const { age, sex, condition } = item;
    const opening = random.pick([
      `This ${age}-year-old ${person(sex)} ${tense("had", "has")} ${condition.name}.`,
      `The file of a ${person(sex)} aged ${age} with ${condition.name}.`,
      `${capital(condition.name)} in a ${person(sex)} of ${age} years.`,
    ]);
    return `${story(random, item, tense, opening)}${gap}Treatment ${tense("was", "is")} ${condition.treatment}.`;
  }
  const told = story(random, item, tense, null);
  const course = conclusion(random, item, tense);
  if (form < 0.35) {
    const thought = `${assessment(random, item, tense)}${gap}${course}`;
    return `### ${random.pick(findingsHeadings)}:\n${told}\n\n### ${random.pick(courseHeadings)}:\n${thought}`;
  }
  return (random.chance(0.7) ? [told, assessment(random, item, tense), course] : [told, course]).join(gap);
}
