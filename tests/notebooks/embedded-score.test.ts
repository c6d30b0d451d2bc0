// The scorer accepts what the rows teach and nothing cheaper.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { demoCase } from "../../notebooks/embedded/demoCase.js";
import { scoreAnswer } from "../../notebooks/embedded/score.js";
import { fill, type MedicalRow, promptFor, trainingText, trainPromptStyle } from "../../notebooks/embedded/template.js";

const rows = readFileSync(join(import.meta.dirname, "..", "..", "notebooks", "embedded", "data", "test.jsonl"), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as MedicalRow);
const steps = demoCase.Complex_CoT;
const answer = demoCase.Response;
const nothing = { form: false, condition: false, right: false };

describe("embedded scorer", () => {
  it("accepts every row's own answer, with or without the prompt and the end-of-text token", () => {
    for (const row of [demoCase, ...rows]) {
      const all = { form: true, condition: true, right: true };
      assert.deepEqual(scoreAnswer(`${trainingText(row)}<|endoftext|>`, row), all);
      assert.deepEqual(scoreAnswer(`${row.Complex_CoT}\n${row.Response}`, row), all);
      assert.deepEqual(scoreAnswer(`<think>\n${row.Complex_CoT}\n</think>\n${row.Response}`, row), all);
    }
  });

  it("gives nothing for the prompt alone, an echo of the question or noise", () => {
    assert.deepEqual(scoreAnswer(promptFor(demoCase.Question), demoCase), nothing);
    assert.deepEqual(scoreAnswer(promptFor(demoCase.Question) + demoCase.Question, demoCase), nothing);
    for (const text of ["", "\n\n", "First, Next, So", "The most likely diagnosis is ."]) {
      assert.equal(scoreAnswer(text, demoCase).right, false);
      assert.equal(scoreAnswer(text, demoCase).form, false);
    }
  });

  it("ignores what stands before the response", () => {
    const prompt = `${steps}\n${answer}\n${promptFor(demoCase.Question)}`;
    assert.deepEqual(scoreAnswer(`${prompt}She was seen in the clinic.`, demoCase), nothing);
  });

  it("wants the steps, in order, and the answer on the last line", () => {
    assert.deepEqual(scoreAnswer(answer, demoCase), { form: false, condition: true, right: false });
    assert.equal(scoreAnswer(`${steps} ${answer}`, demoCase).right, false);
    assert.equal(scoreAnswer(`${answer}\n${steps}`, demoCase).right, false);
    assert.equal(scoreAnswer(`${steps}\n${answer}\nShe recovered.`, demoCase).right, false);
    assert.equal(scoreAnswer(`First, a. Next, b. So c.\n${answer}`, demoCase).right, false);
    const swapped = steps.replace("Next,", "Later").replace("So ", "Next, so ");
    assert.equal(scoreAnswer(`${swapped}\n${answer}`, demoCase).right, false);
  });

  it("wants exactly the right condition, once", () => {
    const said = (name: string) => scoreAnswer(`${steps}\nThe most likely diagnosis is ${name}.`, demoCase);
    assert.equal(said("Hodgkin lymphoma").right, true);
    assert.equal(said("hodgkin  Lymphoma").right, true);
    for (const name of [
      "non-Hodgkin lymphoma",
      "lymphoma",
      "gout",
      "Hodgkin lymphoma or tuberculosis",
      "gout, Hodgkin lymphoma",
    ]) {
      assert.equal(said(name).right, false, name);
      assert.equal(said(name).condition, false, name);
    }
    assert.equal(scoreAnswer(`${steps}\nThe most likely diagnosis is gout.\n${answer}`, demoCase).right, false);
  });

  it("takes no row's answer for another condition's row", () => {
    for (const [i, row] of rows.entries()) {
      const other = rows[(i + 7) % rows.length]!;
      const same = /is ([^.]+)\./.exec(other.Response)![1] === /is ([^.]+)\./.exec(row.Response)![1];
      assert.equal(scoreAnswer(`${other.Complex_CoT}\n${other.Response}`, row).right, same);
    }
  });

  it("counts a condition that prose names, but not as right", () => {
    assert.deepEqual(scoreAnswer("The final diagnosis was Hodgkin lymphoma.", demoCase), {
      form: false,
      condition: true,
      right: false,
    });
    assert.deepEqual(scoreAnswer("The final diagnosis was non-Hodgkin lymphoma.", demoCase), nothing);
  });

  it("fills the template as the prompt begins", () => {
    const text = fill(trainPromptStyle, "q", "c", "r");
    assert.ok(text.startsWith(promptFor("q")));
    assert.ok(text.endsWith("### Response:\nc\nr"));
  });
});
