import assert from "node:assert/strict";
import { toCodePoints, toUnits } from "../../../kernel/supervisor/codePoints.js";

describe("code points", () => {
  it("are counted as the protocol counts cursors", () => {
    const text = "a🎉é🎉";
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((position) => toUnits(text, position)),
      [0, 1, 3, 4, 6],
    );
    assert.deepEqual(
      [0, 1, 3, 4, 6].map((units) => toCodePoints(text, units)),
      [0, 1, 2, 3, 4],
    );
    assert.equal(toUnits(text, 99), text.length);
  });
});
