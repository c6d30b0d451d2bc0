// Encyclopedia entries of the base corpus: conditions, findings, comparisons and the craft of medicine.
import { type Case, drawCase, findingsOf, revealsHeldOut } from "./cases.js";
import { type Condition, conditions } from "./content/conditions.js";
import { craft, headings, parts, patterns } from "./content/craft.js";
import { type FindingId, findings } from "./content/findings.js";
import type { Random } from "./random.js";
import { capital, contrast, list, nameOf, otherWords, wordingOf } from "./wording.js";

/** A condition: what it is, some of its findings, how it is confirmed and treated. */
export function conditionEntry(random: Random, condition: Condition): string {
  const { name, kind, confirm, treatment } = condition;
  const item = drawCase(random, condition, true);
  const keys = item.findings.filter((id) => condition.key.includes(id));
  const rest = item.findings.filter((id) => !condition.key.includes(id));
  const say = (id: FindingId) => (random.chance(0.5) ? nameOf(id) : wordingOf(random, id, item.sex));
  const sentences = [
    random.pick([
      `${capital(name)} is typically marked by ${list(keys.map(say))}.`,
      `Findings that suggest ${name} are ${list(keys.map(say))}.`,
      `In ${name} one finds ${list(keys.map(say))}.`,
    ]),
    random.pick([
      `Many patients also have ${list(rest.map(say))}.`,
      `It may come with ${list(rest.map(say))}.`,
      `Less specific are ${list(rest.map(say))}.`,
    ]),
    random.pick([
      `It is confirmed by ${confirm}.`,
      `${capital(name)} is confirmed by ${confirm}.`,
      `It should be confirmed by ${confirm}.`,
      `The test for ${name} is ${confirm}.`,
    ]),
    random.pick([
      `It is treated with ${treatment}.`,
      `Treatment of ${name} is ${treatment}.`,
      `Doctors treat ${name} with ${treatment}.`,
    ]),
    random.pick([
      `It occurs mostly between the ages of ${condition.ages[0]} and ${condition.ages[1]}.`,
      `Most patients are ${condition.ages[0]} to ${condition.ages[1]} years old.`,
    ]),
  ];
  const first = random.pick([
    `${capital(name)} is ${kind}.`,
    `${capital(name)}, ${kind}.`,
    `${capital(kind)} is the nature of ${name}.`,
  ]);
  const body = [first, ...random.sample(sentences, random.int(3, 5))].join(" ");
  return random.chance(0.4) ? `${capital(name)}\n${body}` : body;
}

const carriers = new Map<FindingId, Condition[]>();
for (const condition of conditions) {
  for (const id of findingsOf(condition)) carriers.set(id, [...(carriers.get(id) ?? []), condition]);
}
const knownFindings = [...carriers.keys()];

/** A finding: other words for it and the conditions in which it is seen. */
export function findingEntry(random: Random): string {
  const id = random.pick(knownFindings);
  const name = nameOf(id);
  const where = random.sample(carriers.get(id)!, 3);
  const words = () => otherWords(random, id, random.chance(0.5) ? "female" : "male");
  const out = [
    random.pick([
      `${capital(name)} may be described as ${words()}.`,
      `A patient with ${name} may speak of ${words()}.`,
      `${capital(words())}: the record calls this ${name}.`,
      `Doctors write ${name} for ${words()}.`,
    ]),
    random.pick([
      `${capital(name)} is seen in ${list(where.map((condition) => condition.name))}.`,
      `${capital(name)} occurs in ${list(where.map((condition) => condition.name))}.`,
      `It belongs to ${list(where.map((condition) => condition.name))}.`,
    ]),
  ];
  const condition = where[0]!;
  const partner = random.pick(findingsOf(condition).filter((other) => other !== id));
  if (random.chance(0.6) && !revealsHeldOut(condition, [id, partner])) {
    out.push(
      random.pick([
        `Together with ${nameOf(partner)} it suggests ${condition.name}.`,
        `When ${name} comes with ${nameOf(partner)}, doctors think of ${condition.name}, ${condition.kind}.`,
        `With ${nameOf(partner)} it points to ${condition.kind}.`,
      ]),
    );
  }
  return out.join(" ");
}

/** Two conditions that share a finding and the finding that tells them apart. */
export function comparison(random: Random): string {
  for (;;) {
    const item: Case = drawCase(random, random.pick(conditions));
    const found = contrast(random, item);
    if (found === null) continue;
    const a = item.condition;
    const b = found.other;
    const theirs = b.key.filter((id) => !findingsOf(a).includes(id));
    const out = [
      random.pick([
        `Both ${a.name} and ${b.name} can cause ${nameOf(found.shared)}.`,
        `${capital(findings[found.shared].name)} is common to ${a.name} and ${b.name}.`,
      ]),
      random.pick([
        `${capital(nameOf(found.against))} favors ${a.name}.`,
        `Only ${a.name} explains ${nameOf(found.against)}.`,
        `${capital(nameOf(found.against))} separates ${a.name} from ${b.name}.`,
      ]),
    ];
    if (theirs.length > 0) out.push(`${capital(nameOf(random.pick(theirs)))} favors ${b.name}.`);
    out.push(
      random.pick([`The former is ${a.kind}, the latter ${b.kind}.`, `The former is confirmed by ${a.confirm}.`, ""]),
    );
    return out.join(" ").trim();
  }
}

function filledPattern(random: Random): string {
  return random.pick(patterns).replace(/\{(\w+)\}/g, (_, name: string) => random.pick(parts[name]!));
}

/** A page of a ward manual, with headings in half of the cases. */
export function craftPage(random: Random): string {
  const paragraph = () => {
    const sentences = [...random.sample(craft, random.int(1, 3))];
    for (let count = random.int(1, 4); count > 0; count--) sentences.push(filledPattern(random));
    return random.shuffle(sentences).join(" ");
  };
  if (random.chance(0.5)) return paragraph();
  return random
    .sample(headings, random.int(1, 3))
    .map((heading) => `### ${heading}:\n${paragraph()}`)
    .join("\n\n");
}
