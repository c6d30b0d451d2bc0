import assert from "node:assert/strict";
import { createRandom } from "../../../lib/random.js";
import { countTokens, type Sequence, splitByBudget } from "../../../lib/train/batch.js";

function sequences(...lengths: number[]): Sequence[] {
  return lengths.map((length) => {
    const inputIds = Int32Array.from({ length }, (_, i) => i);
    return { inputIds, labels: inputIds };
  });
}
const lengthsOf = (groups: readonly (readonly Sequence[])[]) =>
  groups.map((group) => group.map(({ inputIds }) => inputIds.length));

describe("splitting a step into passes", () => {
  it("leaves it whole and in order when it fits", () => {
    assert.deepEqual(lengthsOf(splitByBudget(sequences(5, 9, 3), 17)), [[5, 9, 3]]);
  });

  it("makes as few groups as it can, and even ones", () => {
    // Filled in order they would be [700, 300, 600], [400, 500, 200], [800].
    const groups = lengthsOf(splitByBudget(sequences(700, 300, 600, 400, 500, 200, 800), 1850));
    assert.deepEqual(groups, [
      [400, 500, 800],
      [700, 300, 600, 200],
    ]);
  });

  it("keeps every sequence once, within the budget", () => {
    const random = createRandom(5);
    for (let round = 0; round < 50; round++) {
      const given = sequences(
        ...Array.from({ length: 1 + Math.floor(random.next() * 20) }, () => 2 + Math.floor(random.next() * 99)),
      );
      const budget = 100 + Math.floor(random.next() * 300);
      const groups = splitByBudget(given, budget);
      assert.deepEqual(new Set(groups.flat()), new Set(given));
      assert.equal(groups.flat().length, given.length);
      for (const group of groups) assert.ok(group.length > 0 && countTokens(group) <= budget);
      assert.ok(groups.length <= 2 * Math.ceil(countTokens(given) / budget));
    }
  });

  it("lets a sequence beyond the budget stand alone, and the others together", () => {
    assert.deepEqual(lengthsOf(splitByBudget(sequences(4, 50, 6, 60), 20)), [[50], [60], [4, 6]]);
    assert.deepEqual(lengthsOf(splitByBudget(sequences(50), 20)), [[50]]);
  });

  it("leaves out what has nothing to learn", () => {
    const [first, masked, single] = sequences(5, 4, 1);
    const unlearnt = { inputIds: masked!.inputIds, labels: new Int32Array(4).fill(-100) };
    assert.deepEqual(splitByBudget([first!, unlearnt, single!], 100), [[first]]);
    assert.deepEqual(splitByBudget([unlearnt], 100), []);
  });
});
