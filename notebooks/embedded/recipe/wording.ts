// Turns findings into words: placeholders, lists, pronouns, and the contrast with a condition that looks alike.
import type { Case } from "./cases.js";
import { type Condition, conditions, type Sex } from "./content/conditions.js";
import { type FindingId, findings, type Source } from "./content/findings.js";
import { jobs, names } from "./content/people.js";
import type { Random } from "./random.js";

export const pronoun = (sex: Sex) => (sex === "female" ? "she" : "he");
export const possessive = (sex: Sex) => (sex === "female" ? "her" : "his");
export const person = (sex: Sex) => (sex === "female" ? "woman" : "man");
export const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

export function list(items: readonly string[]): string {
  if (items.length < 2) return items.join("");
  return `${items.slice(0, -1).join(", ")} and ${items[items.length - 1]}`;
}

/** The canonical name of a finding. */
export const nameOf = (id: FindingId): string => findings[id].name;

export const sourceOf = (id: FindingId): Source => findings[id].source;

/** A wording of a finding other than its name, with its placeholders filled. */
export function otherWords(random: Random, id: FindingId, sex: Sex): string {
  return random
    .pick<string>(findings[id].wordings)
    .replaceAll("{their}", possessive(sex))
    .replace(/\{n:(\d+)-(\d+)\}/g, (_, low, high) => String(random.int(Number(low), Number(high))));
}

/** A wording of a finding, its name in one case of five. */
export function wordingOf(random: Random, id: FindingId, sex: Sex): string {
  return random.chance(0.2) ? nameOf(id) : otherWords(random, id, sex);
}

/** "A 54-year-old nurse", "Maria, a 34-year-old teacher,": the subject of a first sentence. */
export function introduce(random: Random, { age, sex }: Case): string {
  const article = /^(8|11|18)/.test(String(age)) ? "an" : "a";
  const form = random.next();
  if (form < 0.45) return `${capital(article)} ${age}-year-old ${person(sex)}`;
  if (form < 0.6) return `A ${person(sex)} aged ${age}`;
  if (form < 0.85) return `${random.pick<string>(names[sex])}, ${article} ${age}-year-old ${random.pick(jobs)},`;
  return `${random.pick<string>(names[sex])}, aged ${age},`;
}

export interface Contrast {
  readonly other: Condition;
  /** A finding of the case that the other condition has too. */
  readonly shared: FindingId;
  /** A key finding of the case that the other condition has not. */
  readonly against: FindingId;
}

/** Another condition that shares a finding with the case and is ruled out by a key finding; null when there is none. */
export function contrast(random: Random, { condition, findings: told }: Case): Contrast | null {
  const has = (other: Condition, id: FindingId) => other.key.includes(id) || other.common.includes(id);
  const options: Contrast[] = [];
  for (const other of conditions) {
    if (other === condition) continue;
    const shared = told.filter((id) => has(other, id));
    const against = told.filter((id) => condition.key.includes(id) && !has(other, id));
    for (const id of shared) for (const key of against) options.push({ other, shared: id, against: key });
  }
  return options.length === 0 ? null : random.pick(options);
}

/** The findings by where they come from, in the order in which a record tells them. */
export function bySource(told: readonly FindingId[]): Record<Source, FindingId[]> {
  const groups: Record<Source, FindingId[]> = { symptom: [], history: [], sign: [], test: [] };
  for (const id of told) groups[sourceOf(id)].push(id);
  return groups;
}
