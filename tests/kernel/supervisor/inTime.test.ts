import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import { inTime } from "../../../kernel/supervisor/inTime.js";

describe("an answer in time", () => {
  it("is the answer itself, or its error, when that is there", async () => {
    assert.equal(await inTime(wait(5, "complete"), 10_000, "unknown"), "complete");
    await assert.rejects(inTime(Promise.reject(new Error("gone")), 10_000, "unknown"), /gone/);
  });

  it("is the other one when it takes too long", async () => {
    assert.equal(await inTime(new Promise<string>(() => undefined), 5, "unknown"), "unknown");
  });
});
