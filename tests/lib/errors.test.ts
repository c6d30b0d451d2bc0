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
    const elsewhere = { oldName: "Its name is alpha." };
    assert.throws(
      () => checkOptions("f", { old_name: 1 }, ["alpha"], elsewhere),
      /"old_name" of f\. Its name is alpha\.$/,
    );
    assert.throws(() => checkOptions("f", { toString: 1 }, ["alpha"], elsewhere), /Unknown option "toString"/);
  });

  it("refuse options that are no object", () => {
    for (const [given, said] of [
      ["x", '"x"'],
      [0.1, "0.1"],
      [true, "true"],
      [null, "null"],
      [[1], "an array"],
      [() => 1, "a function"],
    ]) {
      assert.throws(
        () => checkOptions("f", given, ["alpha"]),
        (error: Error) => error.message === `f takes its options in an object, got ${said}. Write { alpha: … }.`,
      );
    }
  });
});
