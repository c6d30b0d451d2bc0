import assert from "node:assert/strict";
import { runnerEnvironment, takeNonce } from "../../../kernel/runner/environment.js";

describe("the runner's environment", () => {
  it("has what the supervisor added until the nonce is taken", () => {
    const environment = runnerEnvironment("abc", { HOME: "/home/a" });
    assert.equal(environment.MALLOC_ARENA_MAX, "1");
    assert.equal(takeNonce(environment), "abc");
    assert.deepEqual(environment, { HOME: "/home/a" });
  });

  it("keeps what was there", () => {
    const environment = runnerEnvironment("abc", { MALLOC_ARENA_MAX: "8" });
    assert.equal(takeNonce(environment), "abc");
    assert.deepEqual(environment, { MALLOC_ARENA_MAX: "8" });
  });

  it("stays as it is where no supervisor has started the process", () => {
    const environment = { HOME: "/home/a", MALLOC_ARENA_MAX: "1" };
    assert.equal(takeNonce(environment), "");
    assert.deepEqual(environment, { HOME: "/home/a", MALLOC_ARENA_MAX: "1" });
  });
});
