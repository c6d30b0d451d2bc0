// A case is a condition, a person and a set of findings. The held-out cases are chosen here, before anything is
// written, and every other part of the recipe draws its cases through `drawCase`, which never returns one that
// shows all findings of a held-out case of the same condition.
import { type Condition, conditions, type Sex } from "./content/conditions.js";
import type { FindingId } from "./content/findings.js";
import { Random } from "./random.js";

export interface Case {
  readonly condition: Condition;
  readonly age: number;
  readonly sex: Sex;
  readonly findings: readonly FindingId[];
}

export function conditionNamed(name: string): Condition {
  const found = conditions.find((condition) => condition.name === name);
  if (found === undefined) throw new Error(`No condition is called "${name}".`);
  return found;
}

/** The case told in the article: its findings and person, for which demoCase.ts has our own words. */
export const demo: Case = {
  condition: conditionNamed("Hodgkin lymphoma"),
  age: 42,
  sex: "female",
  findings: ["neckLump", "weightLoss", "relapsingFever", "nightSweats"],
};

/** Identifies a case however it is worded: condition, set of findings, sex and age. */
export function signature(item: Case): string {
  return `${item.condition.name}|${[...item.findings].sort().join("+")}|${item.sex}|${item.age}`;
}

export function findingsOf(condition: Condition): FindingId[] {
  return [...condition.key, ...condition.common];
}

/** True when some other condition has all of these findings too, so that the case has no single answer. */
function isAmbiguous(condition: Condition, chosen: readonly FindingId[]): boolean {
  return conditions.some(
    (other) => other !== condition && chosen.every((id) => other.key.includes(id) || other.common.includes(id)),
  );
}

/** Two or three key findings with one or two common ones; `large` adds up to two more for the base corpus. */
function drawFindings(random: Random, condition: Condition, large: boolean): FindingId[] {
  const extra = large ? random.int(0, 2) : 0;
  const keys = random.sample(condition.key, random.chance(0.75) ? 2 : 3);
  const rest = random.sample(condition.common, (keys.length === 2 && random.chance(0.75) ? 2 : 1) + extra);
  return random.shuffle([...keys, ...rest]);
}

function drawAnyCase(random: Random, condition: Condition, large: boolean): Case {
  for (;;) {
    const chosen = drawFindings(random, condition, large);
    if (isAmbiguous(condition, chosen)) continue;
    const age = random.int(condition.ages[0], condition.ages[1]);
    return { condition, age, sex: condition.sex ?? (random.chance(0.5) ? "female" : "male"), findings: chosen };
  }
}

const heldOutPerCondition = 6;
const heldOutPerLymphoma = 12;

/** The held-out cases, in rounds: each round has one case of every condition, in random order. */
function chooseHeldOut(): Case[] {
  const random = new Random("held-out cases");
  const rounds: Case[][] = Array.from({ length: heldOutPerLymphoma }, () => []);
  for (const condition of conditions) {
    const seen = new Set<string>();
    if (condition === demo.condition) seen.add([...demo.findings].sort().join("+"));
    const wanted = condition.heldOutOnly ? heldOutPerLymphoma : heldOutPerCondition;
    for (let round = 0; round < wanted; ) {
      const item = drawAnyCase(random, condition, false);
      const set = [...item.findings].sort().join("+");
      if (seen.has(set)) continue;
      seen.add(set);
      rounds[condition.heldOutOnly ? Math.floor(round / 2) : round]!.push(item);
      round++;
    }
  }
  return rounds.flatMap((round) => random.shuffle(round));
}

export const heldOutCases: readonly Case[] = chooseHeldOut();

const reserved = new Map<string, (readonly FindingId[])[]>();
for (const item of [demo, ...heldOutCases]) {
  const sets = reserved.get(item.condition.name) ?? [];
  sets.push(item.findings);
  reserved.set(item.condition.name, sets);
}

/** True when these findings, told of this condition, would give a held-out case away. */
export function revealsHeldOut(condition: Condition, told: readonly FindingId[]): boolean {
  return (reserved.get(condition.name) ?? []).some((set) => set.every((id) => told.includes(id)));
}

/** A case for a training text: never one that contains a held-out case. */
export function drawCase(random: Random, condition: Condition, large = false): Case {
  for (;;) {
    const item = drawAnyCase(random, condition, large);
    if (!revealsHeldOut(condition, item.findings)) return item;
  }
}
