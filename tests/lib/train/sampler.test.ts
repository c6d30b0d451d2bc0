import assert from "node:assert/strict";
import { permutation } from "../../../lib/random.js";
import { largestUpdate, mixSeed, planTraining, Sampler } from "../../../lib/train/sampler.js";

const ARTICLE = {
  perDeviceTrainBatchSize: 2,
  gradientAccumulationSteps: 4,
  dataloaderDropLast: false,
  maxSteps: 60,
  numTrainEpochs: 1,
};

describe("planTraining", () => {
  it("counts the article's run", () => {
    const plan = planTraining(500, ARTICLE);
    assert.deepEqual([plan.batchesPerEpoch, plan.updatesPerEpoch, plan.totalSteps, plan.numEpochs], [250, 63, 60, 1]);
  });

  it("rounds parts of epochs up to whole updates", () => {
    const plan = planTraining(500, { ...ARTICLE, maxSteps: -1, numTrainEpochs: 1.5 });
    assert.deepEqual([plan.totalSteps, plan.numEpochs], [95, 2]);
  });

  it("leaves out the last, smaller batch when told to", () => {
    assert.equal(planTraining(7, { ...ARTICLE, dataloaderDropLast: true }).batchesPerEpoch, 3);
    assert.equal(planTraining(7, ARTICLE).batchesPerEpoch, 4);
  });
});

describe("Sampler", () => {
  const sampler = (examples: number, seed: number | null) => new Sampler(planTraining(examples, ARTICLE), seed);

  it("draws each example once an epoch, in an order of its own", () => {
    const drawn = sampler(19, 3407);
    const epoch = (first: number) => [0, 1, 2].flatMap((step) => drawn.at(first + step).indices);
    const all = Array.from({ length: 19 }, (_, index) => index);
    assert.deepEqual(
      epoch(0).toSorted((a, b) => a - b),
      all,
    );
    assert.deepEqual(
      epoch(3).toSorted((a, b) => a - b),
      all,
    );
    assert.notDeepEqual(epoch(0), epoch(3));
  });

  it("depends on the seed and the step alone", () => {
    assert.deepEqual(sampler(500, 3407).at(70), sampler(500, 3407).at(70));
    assert.notDeepEqual(sampler(500, 3407).at(0).indices, sampler(500, 3408).at(0).indices);
    assert.deepEqual(sampler(500, null).at(1).indices, [8, 9, 10, 11, 12, 13, 14, 15]);
  });

  it("says how far the epochs have come, 0.96 at the end of the article's run", () => {
    assert.equal(sampler(500, 3407).at(59).epoch, 0.96);
    const drawn = sampler(19, 1);
    assert.deepEqual(
      [0, 1, 2, 3].map((step) => drawn.at(step).epoch),
      [0.4, 0.8, 1, 1.4],
    );
    assert.deepEqual(
      [0, 1, 2, 3].map((step) => drawn.at(step).endsEpoch),
      [false, false, true, false],
    );
  });
});

describe("permutation", () => {
  it("puts every element at every place about equally often", () => {
    const counts = new Int32Array(16);
    for (let seed = 0; seed < 4000; seed++) {
      permutation(4, mixSeed(seed)).forEach((value, place) => {
        counts[4 * place + value]!++;
      });
    }
    for (const count of counts) assert.ok(count > 850 && count < 1150, String(counts));
  });
});

describe("largestUpdate", () => {
  it("finds the update with the most tokens, and the longest sequence of those that are left", () => {
    const lengths = [3, 9, 4, 4, 8, 8, 20, 1];
    const examples = lengths.map((length) => {
      const inputIds = new Int32Array(length);
      return [{ inputIds, labels: inputIds }];
    });
    const args = { ...ARTICLE, perDeviceTrainBatchSize: 1, gradientAccumulationSteps: 2, maxSteps: 4 };
    const sampler = new Sampler(planTraining(8, args), null);
    assert.deepEqual(largestUpdate(sampler, examples, 0, 4), { tokens: 21, longest: 20 });
    assert.deepEqual(largestUpdate(sampler, examples, 0, 3), { tokens: 16, longest: 9 });
    assert.deepEqual(largestUpdate(sampler, examples, 4, 4), { tokens: 0, longest: 0 });
  });
});
