import assert from "node:assert/strict";
import { inspect } from "node:util";
import { checkOptions, fail, nearest, suggestion, TunelabError } from "../../lib/errors.js";

describe("errors", () => {
  it("carry the way out in their message", () => {
    assert.throws(
      () => fail("Unknown split: x.", { hint: "Use train." }),
      (error) => error instanceof TunelabError && error.message === "Unknown split: x. Use train.",
    );
  });

  it("print the way out once", () => {
    assert.throws(
      () => fail("Unknown split: x.", { hint: "Use train." }),
      (error) => inspect(error).split("Use train.").length === 2 && (error as TunelabError).hint === "Use train.",
    );
  });

  it("find the name that was meant, snake_case too", () => {
    const names = ["learningRate", "weightDecay"];
    assert.equal(nearest("learninRate", names), "learningRate");
    assert.equal(nearest("learning_rate", names), "learningRate");
    assert.equal(nearest("colour", names), undefined);
    assert.equal(suggestion("colour", names), "Use one of: learningRate, weightDecay.");
  });

  it("refuse unknown options", () => {
    checkOptions("f", { a: 1 }, ["a"]);
    assert.throws(
      () => checkOptions("f", { alhpa: 1 }, ["alpha"]),
      /Unknown option "alhpa" of f\. Did you mean "alpha"\?/,
    );
  });
});
