import assert from "node:assert/strict";
import { completeMagic } from "../../../kernel/magics/complete.js";
import { readCell } from "../../../kernel/magics/read.js";

describe("magics: reading", () => {
  it("leaves a cell without magics alone", () => {
    for (const code of ["", "a\n%b", "\n\n!done", "// %%time\n1"]) {
      assert.deepEqual(readCell(code), { time: false, kind: "typescript", code });
    }
  });

  it("keeps every line and column of what stands below", () => {
    assert.deepEqual(readCell("\r\n%%time\r\n  %%check warn\r\nconst 𝒙 = 1;"), {
      time: true,
      check: "warn",
      kind: "typescript",
      code: "\r\n      \r\n              \r\nconst 𝒙 = 1;",
    });
    assert.deepEqual(readCell("\uFEFF%%time\n1"), { time: true, kind: "typescript", code: "       \n1" });
  });

  it("keeps a shell's line numbers and takes its options", () => {
    const cell = readCell("%%bash -ex -o pipefail --no-raise-error\n%%echo\nls");
    assert.deepEqual(cell, {
      time: false,
      kind: "shell",
      program: "bash",
      flags: ["-ex", "-o", "pipefail"],
      mayFail: true,
      script: `${" ".repeat(39)}\n%%echo\nls`,
    });
  });

  it("takes HTML as it stands", () => {
    assert.deepEqual(readCell("%%time\n%%html --isolated\n<b>1 %</b>\n"), {
      time: true,
      kind: "html",
      html: "<b>1 %</b>\n",
      isolated: true,
    });
  });

  it("sets what type errors do", () => {
    assert.equal(readCell("%check warn").setCheck, "warn");
    assert.equal(readCell("%check\n1").setCheck, "show");
  });

  for (const [cell, message] of [
    ["%%tiem\n1", /^There is no %%tiem\. Did you mean %%time, .* There are %%time, %%check, %%sh, %%bash, %%html and/],
    ["%%capture out\n1", /^There is no %%capture\. Give what is not to be shown/],
    ["%time f()", /^There is no %time\. Did you mean %%time/],
    ["%matplotlib inline", /^There is no %matplotlib\. Leave it out/],
    ["%%time f()", /^%%time does not take "f\(\)"\. It times the lines below it/],
    ["%%check", /^%%check needs a level\. Write %%check error or %%check warn/],
    ["%check off", /^%check does not take "off"\. Write %check error or %check warn/],
    ["%%sh --out text\nls", /^%%sh does not take "--out"\. It takes the shell's options/],
    ["%%html <b>", /^%%html does not take "<b>"/],
  ] as const) {
    it(`refuses ${JSON.stringify(cell)}`, () => assert.throws(() => readCell(cell), { message }));
  }
});

describe("magics: completion", () => {
  const names = (source: string, position = source.length) =>
    completeMagic(source, position)?.items.map(({ name }) => name);

  it("offers magics where one can stand, and their arguments", () => {
    assert.deepEqual(names("%%"), ["%%time", "%%check", "%%sh", "%%bash", "%%html"]);
    assert.deepEqual(names("%%time\n%%c"), ["%%check"]);
    assert.deepEqual(names("%c"), ["%check"]);
    assert.deepEqual(names("%%check w"), ["warn"]);
    assert.deepEqual(completeMagic("\n%%ti\n1", 5), { start: 1, end: 5, items: [{ name: "%%time", kind: "magic" }] });
  });

  it("is silent elsewhere", () => {
    for (const source of ["", "a", "a\n%b", "%%time\na"]) assert.equal(names(source), undefined);
  });
});
