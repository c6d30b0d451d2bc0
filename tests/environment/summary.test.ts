import assert from "node:assert/strict";
import { sideBySide, summaryText, wrap } from "../../environment/summary.mjs";

describe("the closing summary", () => {
  const figures = {
    profile: "embedded",
    backend: "cpu-native",
    heldOutBefore: 0.04,
    heldOutAfter: 0.86,
    firstLoss: 3.21987,
    lastLoss: 0.5,
    trainSeconds: 61.04,
    tokensPerSecond: 4210.4,
  };

  it("names profile, backend, accuracies, losses, speed and results", () => {
    const text = summaryText(figures, 100);
    for (const part of ["Profile embedded, backend cpu-native", "4 % right before, 86 % after", "3.2199", "0.5000"]) {
      assert.ok(text.includes(part), part);
    }
    assert.match(text, /61\.0 s, 4,210 tokens\/s/);
    assert.match(text, /outputs\/article\.html {2,}the same as a page/);
  });

  it("shows the article's case before and after side by side", () => {
    const text = summaryText({ ...figures, question: "What is it?", caseBefore: "hm", caseAfter: "lymphoma" }, 60);
    assert.match(text, /What is it\?\n\nBefore fine-tuning +\| After fine-tuning\n-+ \| -+\nhm +\| lymphoma\n/);
  });

  it("leaves the accuracies out where there are no held-out cases", () => {
    assert.doesNotMatch(summaryText({ ...figures, heldOutBefore: null, heldOutAfter: null }, 100), /Held-out/);
  });

  it("wraps at words, cuts what is longer than a line and keeps empty lines", () => {
    assert.deepEqual(wrap("aa bb cc\n\ndd", 5), ["aa bb", "cc", "", "dd"]);
    assert.deepEqual(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
    assert.ok(sideBySide(["a", "x ".repeat(50)], ["b", "y"], 60).every((line) => line.length <= 60));
  });
});
