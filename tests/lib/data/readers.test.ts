import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { readDataFile } from "../../../lib/data/readers/index.js";
import { temporaryDirectory } from "../formats/temporaryDirectory.js";

const path = temporaryDirectory();

function file(name: string, content: string | Uint8Array): string {
  writeFileSync(path(name), content);
  return path(name);
}

async function read(name: string, content: string | Uint8Array, options = {}): Promise<Record<string, unknown[]>> {
  return Object.fromEntries(await readDataFile(file(name, content), options));
}

describe("JSON Lines", () => {
  it("are read line by line, whatever ends the lines", async () => {
    const text = '{"a": 1, "t": "x\u2028y"}\r\n\n{"a": null, "b": [1]}\n{"a": 3}';
    const expected = { a: [1, null, 3], t: ["x\u2028y", null, null], b: [null, [1], null] };
    assert.deepEqual(await read("lines.jsonl", text), expected);
    assert.deepEqual(await read("lines.json", text.replace("\n\n", "\n")), expected);
    assert.deepEqual(await read("lines.jsonl.gz", gzipSync(text)), expected);
    assert.deepEqual(await read("bom.jsonl", '\ufeff{"a": 1}\n'), { a: [1] });
  });

  it("keep characters that a chunk of the file cuts", async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => `{"t": "日本語ü😀 ${i}"}`);
    const { t } = await read("long.jsonl", rows.join("\n"));
    assert.equal(t!.length, 20_000);
    assert.equal(t!.at(-1), "日本語ü😀 19999");
    assert.ok(!t!.join("").includes("\ufffd"));
  });

  it("that are broken are named with file and line", async () => {
    await assert.rejects(read("broken.jsonl", '{"a": 1}\n{"a": \n{"a": 3}\n'), /Line 2 of .*broken\.jsonl is not JSON/);
    await assert.rejects(read("list.jsonl", '{"a": 1}\n[1]\n'), /Line 2 of .*list\.jsonl is a list, not an object/);
    await assert.rejects(read("null.jsonl", "null\n"), /Line 1 of .* is null, not an object/);
    await assert.rejects(readDataFile(path("gone.jsonl"), {}), /Cannot read .*gone\.jsonl/);
    await assert.rejects(read("bad.jsonl.gz", "no gzip"), /Cannot read .*bad\.jsonl\.gz/);
  });
});

describe("JSON", () => {
  it("is a list of rows, columns, or a list in a field", async () => {
    assert.deepEqual(await read("rows.json", '[{"a": 1}, {"a": 2}]'), { a: [1, 2] });
    assert.deepEqual(await read("columns.json", '{"a": [1, 2], "b": [3, 4]}'), { a: [1, 2], b: [3, 4] });
    assert.deepEqual(await read("field.json", '{"version": 1, "data": [{"a": 1}]}', { field: "data" }), { a: [1] });
  });

  it("says what is wrong with it", async () => {
    await assert.rejects(read("a.json", '{"version": 1, "data": [{"a": 1}]}'), /holds one object.*\{ field: "data" \}/);
    await assert.rejects(read("b.json", '{"data": []}', { field: "rows" }), /has no field "rows"/);
    await assert.rejects(read("c.json", '[{"a": 1}, 2]'), /Entry 1 of .*c\.json is 2, not an object/);
    await assert.rejects(read("d.json", '[{"a": 1},'), /d\.json is not JSON/);
    await assert.rejects(read("e.json", "3"), /holds neither a list of rows nor columns/);
    await assert.rejects(read("f.json", '{"a": 1}\n{"a"\n'), /Line 2 of .*f\.json is not JSON/);
  });
});

describe("CSV", () => {
  it("follows RFC 4180 and tells numbers and booleans from text", async () => {
    const text = 'name,"n",ok,note,id\r\n"A ""x"", y",1,true,,9007199254740993\r\nB,-2.5e1,FALSE,"two\nlines",1\r\n';
    assert.deepEqual(await read("a.csv", text), {
      name: ['A "x", y', "B"],
      n: [1, -25],
      ok: [true, false],
      note: [null, "two\nlines"],
      id: ["9007199254740993", "1"],
    });
  });

  it("takes tabs, other delimiters, a header alone, empty lines and a missing last line end", async () => {
    assert.deepEqual(await read("a.tsv", "a\tb\n1\t2"), { a: [1], b: [2] });
    assert.deepEqual(await read("b.csv", "a;b\n\n1;2\n", { delimiter: ";" }), { a: [1], b: [2] });
    assert.deepEqual(await read("c.csv", "a,b\n"), { a: [], b: [] });
    assert.deepEqual(await read("d.csv", "a,b\n1,\n"), { a: [1], b: [null] });
    assert.deepEqual(await read("e.csv", ""), {});
    assert.deepEqual(await read("f.csv", 'a\n""\n'), { a: [null] });
    assert.deepEqual(await read("g.csv", "\ufeffa,b\n1,2\n"), { a: [1], b: [2] });
    assert.deepEqual(await read("h.csv", "a^b\n1^2\n", { delimiter: "^" }), { a: [1], b: [2] });
  });

  it("names the line that does not fit", async () => {
    await assert.rejects(
      read("x.csv", 'a,b\n"1\n2",3\n4,5,6\n'),
      /Line 4 of .*x\.csv has 3 fields, but the header names 2/,
    );
    await assert.rejects(read("y.csv", 'a,b\n1,"2\n'), /Line 2 of .* has a quoted field that is not closed/);
    await assert.rejects(read("z.csv", "a,a\n1,2\n"), /names the column "a" twice/);
    await assert.rejects(read("w.csv", "a\n1\n", { delimiter: "::" }), /one character, got "::"/);
  });
});

describe("Parquet", () => {
  for (const codec of ["none", "snappy", "zstd", "gzip", "brotli", "lz4"]) {
    it(`written by pyarrow is read (${codec})`, async () => {
      const golden = fileURLToPath(new URL(`./golden/${codec}.parquet`, import.meta.url));
      assert.deepEqual(Object.fromEntries(await readDataFile(golden, {})), {
        text: ["one", null, "drei ü 日本"],
        count: [1, Number.MAX_SAFE_INTEGER, null],
        big: [2n ** 60n, 0, -(2n ** 60n)],
        score: [0.5, -1.25, 1e300],
        flag: [true, false, null],
        ids: [[1, 2], [], null],
        turns: [[{ role: "user", content: "hi" }], [], [{ role: "a", content: null }]],
        day: Array(3).fill(new Date("2026-01-02T03:04:05Z")),
      });
    });
  }

  it("that is none is refused", async () => {
    await assert.rejects(read("x.parquet", "PAR1 but no more"), /x\.parquet cannot be read as Parquet/);
  });
});

describe("a file of another kind", () => {
  it("is refused", async () => {
    await assert.rejects(read("x.xlsx", ""), /x\.xlsx is no data file of a known kind\. Use \.jsonl/);
  });
});
