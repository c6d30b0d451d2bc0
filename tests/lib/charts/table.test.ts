import assert from "node:assert/strict";
import { inspect } from "node:util";
import { table } from "../../../lib/charts/table.js";

const rows = [
  { part: "weights", parameters: 14_770_033_664, share: 0.9953 },
  { part: "adapter <b>", parameters: 68_812_800, share: 0.0047 },
];

describe("table", () => {
  it("aligns text to the left and numbers to the right", () => {
    assert.equal(
      table(rows, { caption: "Model" }).toString(),
      [
        "Model",
        "part             parameters   share",
        "-----------  --------------  ------",
        "weights      14,770,033,664  0.9953",
        "adapter <b>      68,812,800  0.0047",
      ].join("\n"),
    );
    assert.equal(inspect(table(rows)), table(rows).toString());
  });

  it("escapes text in HTML", () => {
    const html = table(rows, { caption: "a < b" }).toHtml();
    assert.ok(html.includes("adapter &lt;b&gt;") && html.includes("a &lt; b") && !html.includes("<b>"));
  });

  it("has the columns of all rows, and leaves blanks", () => {
    const made = table([{ a: 1 }, { b: null, c: "x\ny" }]);
    assert.deepEqual(made.columns, ["a", "b", "c"]);
    assert.equal(made.toString(), "a  b  c\n-  -  ---\n1\n      x y");
  });

  it("refuses unknown options", () => {
    assert.throws(() => table([], { titel: "x" } as never), /Unknown option "titel" of table/);
  });
});
