import assert from "node:assert/strict";
import { duration, startWatch } from "../../../kernel/runner/timing.js";

describe("timing", () => {
  for (const [seconds, text] of [
    [0, "0 ns"],
    [1.5e-8, "15 ns"],
    [0.000_123_4, "123 µs"],
    [0.0456, "45.6 ms"],
    [1, "1 s"],
    [12.345, "12.3 s"],
    [62, "1min 2s"],
    [90_061, "1d 1h 1min 1s"],
  ] as const) {
    it(`writes ${seconds} s as ${text}`, () => assert.equal(duration(seconds), text));
  }

  it("reads as IPython's", () => {
    assert.match(startWatch()(), /^CPU times: user \S+ \S+, sys: \S+ \S+, total: \S+ \S+\nWall time: \S+ \S+\n$/);
  });
});
