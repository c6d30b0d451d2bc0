import assert from "node:assert/strict";
import { failureText } from "../../../kernel/run/command.js";
import { Progress } from "../../../kernel/run/progress.js";

/** A terminal that keeps what is written, and a clock that is set by hand. */
function setting(isTTY: boolean): { progress: Progress; text: () => string; pass: (milliseconds: number) => void } {
  let written = "";
  let time = 0;
  const terminal = {
    isTTY,
    columns: 60,
    write: (text: string | Uint8Array): boolean => {
      written += String(text);
      return true;
    },
  };
  const progress = new Progress(terminal, () => time);
  return {
    progress,
    text: () => written,
    pass: (milliseconds) => {
      time += milliseconds;
    },
  };
}

describe("progress of a notebook", () => {
  it("is one line a section with its time", () => {
    const { progress, text, pass } = setting(false);
    progress.handle({ event: "start", cells: 3 });
    progress.handle({ event: "cell", number: 1, heading: "Load" });
    pass(1500);
    progress.handle({ event: "cell", number: 2, heading: "Load" });
    pass(500);
    progress.handle({ event: "cell", number: 3, heading: "Train" });
    pass(250);
    progress.handle({ event: "saved", path: "x" });
    assert.match(text(), /^ {2}Load +2\.0 s\n {2}Train +0\.3 s\n$/);
  });

  it("shows on a terminal the latest words of the running cell, cut to its width", () => {
    const { progress, text } = setting(true);
    progress.handle({ event: "start", cells: 1 });
    progress.handle({ event: "cell", number: 1, heading: "Train" });
    progress.handle({
      event: "display",
      text: "step 3/60, loss 2.1, 4,200 tok/s, ETA 0:41, and more words",
      update: true,
    });
    const last = text().split("\r\x1b[2K").at(-1) ?? "";
    assert.equal(last, "  Train  cell 1/1  0 s  step 3/60, loss 2.1, 4,200 tok/s, E");
    progress.close();
  });

  it("repeats them now and then where there is no terminal", () => {
    const { progress, text, pass } = setting(false);
    progress.handle({ event: "cell", number: 1, heading: "Train" });
    for (let step = 1; step <= 25; step++) {
      pass(1000);
      progress.handle({ event: "display", text: `step ${step}`, update: true });
    }
    assert.deepEqual(text().trim().split(/\n\s*/), ["step 11", "step 22"]);
  });

  it("leaves tables and charts of other cells to the notebook", () => {
    const { progress, text, pass } = setting(false);
    progress.handle({ event: "cell", number: 1, heading: "Look" });
    pass(20_000);
    progress.handle({ event: "display", text: "a table", update: false });
    assert.equal(text(), "");
  });

  it("tells of a failing cell its place, its source and its error", () => {
    const failure = {
      number: 7,
      heading: "Train",
      source: "a;\nb;",
      ename: "E",
      evalue: "v",
      traceback: ["E: v", "at 2"],
    };
    assert.equal(failureText(failure), '\nCell 7, in "Train", failed:\n  | a;\n  | b;\n\nE: v\nat 2\n');
    assert.match(failureText({ ...failure, traceback: [], heading: "" }), /^\nCell 7 failed:[\s\S]*\n\nE: v\n$/);
  });
});
