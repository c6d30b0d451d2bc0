import assert from "node:assert/strict";
import { dropoutMask } from "../../../lib/tensor/dropout.js";

describe("dropoutMask", () => {
  it("drops the asked share and scales what stays, so that the mean is kept", () => {
    for (const probability of [0.05, 0.3, 0.9]) {
      const mask = dropoutMask(3, 1, 100_000, probability);
      const dropped = mask.filter((factor) => factor === 0).length / mask.length;
      assert.ok(Math.abs(dropped - probability) < 0.01, `${dropped} of ${probability}`);
      assert.deepEqual([...new Set(mask)].sort(), [0, Math.fround(1 / (1 - probability))]);
    }
  });

  it("depends on seed, stream and place only", () => {
    const mask = dropoutMask(3, 1, 1000, 0.5);
    assert.deepEqual(dropoutMask(3, 1, 500, 0.5), mask.slice(0, 500));
    assert.notDeepEqual(dropoutMask(4, 1, 1000, 0.5), mask);
    assert.notDeepEqual(dropoutMask(3, 2, 1000, 0.5), mask);
  });
});
