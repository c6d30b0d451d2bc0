import assert from "node:assert/strict";
import { inspect } from "node:util";
import { Dataset } from "../../../lib/data/dataset.js";
import { jupyterDisplay } from "../../../lib/data/display.js";

const people = Dataset.fromColumns({ name: ["Ada", "Ben", "Cleo", "Dan"], age: [36, 51, 28, 51] });
const numbers = Dataset.fromArray(Array.from({ length: 100 }, (_, n) => ({ n })));

describe("Dataset", () => {
  it("holds columns and gives rows", () => {
    assert.equal(people.numRows, 4);
    assert.deepEqual(people.columnNames, ["name", "age"]);
    assert.deepEqual(people.column("age"), [36, 51, 28, 51]);
    assert.deepEqual(people.row(-1), { name: "Dan", age: 51 });
    assert.deepEqual([...people][1], { name: "Ben", age: 51 });
    assert.throws(() => people.row(4), /no row 4 in a data set of 4 rows/);
  });

  it("fills what a row lacks with null, whichever row names a column first", () => {
    const ragged = Dataset.fromArray<Record<string, unknown>>([{ a: 1 }, { b: 2 }, { a: undefined, b: 3 }]);
    assert.deepEqual(ragged.toArray(), [
      { a: 1, b: null },
      { a: null, b: 2 },
      { a: null, b: 3 },
    ]);
  });

  it("names the nearest column when one is missing", () => {
    const untyped = people as unknown as Dataset;
    assert.throws(() => untyped.column("nmae"), /no column "nmae"\. Did you mean "name"/);
    assert.throws(() => untyped.removeColumns("height"), /no column "height"\. Use one of: name, age/);
    assert.throws(() => Dataset.fromArray([]).column("text" as never), /no column "text"\. It has no columns at all/);
  });

  it("refuses columns of different lengths", () => {
    assert.throws(() => Dataset.fromColumns({ a: [1], b: [] }), /"b" has 0 values, but "a" has 1/);
    assert.throws(() => people.addColumn("x", [1]), /"x" has 1 values for 4 rows/);
  });

  it("slices, selects, adds, removes and renames", () => {
    assert.deepEqual(people.slice(1, 3).column("name"), ["Ben", "Cleo"]);
    assert.deepEqual(people.slice(-1).column("name"), ["Dan"]);
    assert.deepEqual(people.select([2, 0]).column("name"), ["Cleo", "Ada"]);
    assert.throws(() => people.select([0, 9]), /no row 9/);
    assert.deepEqual(people.addColumn("id", [1, 2, 3, 4]).row(0), { name: "Ada", age: 36, id: 1 });
    assert.throws(() => people.select(2 as never), /select takes a list of indices, got 2\. slice\(0, n\)/);
    assert.throws(() => people.shuffle(42 as never), /got 42\. Write \{ seed: … \}/);
    assert.deepEqual(people.removeColumns("age").columnNames, ["name"]);
    assert.deepEqual(people.removeColumns(["age"]).columnNames, ["name"]);
    assert.deepEqual(people.selectColumns(["age", "name"]).columnNames, ["age", "name"]);
    assert.deepEqual(people.selectColumns("age").columnNames, ["age"]);
    assert.deepEqual(people.renameColumn("name", "who").columnNames, ["who", "age"]);
    assert.throws(() => people.renameColumn("name", "age"), /is a column "age" already/);
    assert.deepEqual(
      Dataset.concatenate([people, people.slice(0, 1)])
        .column("name")
        .at(-1),
      "Ada",
    );
  });

  it("shuffles by seed and loses nothing", () => {
    const order = numbers.shuffle({ seed: 3407 }).column("n");
    assert.deepEqual(order, numbers.shuffle({ seed: 3407 }).column("n"));
    assert.notDeepEqual(order, numbers.shuffle({ seed: 7 }).column("n"));
    assert.notDeepEqual(order, numbers.column("n"));
    assert.deepEqual(
      [...order].sort((a, b) => a - b),
      numbers.column("n"),
    );
    assert.throws(() => numbers.shuffle({ sead: 1 } as object), /Unknown option "sead" of shuffle.*"seed"/);
  });

  it("shuffles every order equally often", () => {
    const three = numbers.slice(0, 3);
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 6000; seed++) {
      const key = three.shuffle({ seed }).column("n").join("");
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    assert.equal(counts.size, 6);
    for (const count of counts.values()) assert.ok(count > 850 && count < 1150, String(count));
  });

  it("splits into two parts that hold every row once", () => {
    const { train, test } = numbers.trainTestSplit({ testSize: 0.101, seed: 1 });
    assert.equal(test.numRows, 11);
    assert.deepEqual(
      [...train.column("n"), ...test.column("n")].sort((a, b) => a - b),
      numbers.column("n"),
    );
    const ordered = numbers.trainTestSplit({ testSize: 10, shuffle: false });
    assert.deepEqual(ordered.test.column("n"), numbers.slice(90).column("n"));
    assert.throws(() => numbers.trainTestSplit({ testSize: 100 }), /testSize 100 leaves no two parts of 100 rows/);
  });

  it("becomes an arquero table", () => {
    const older = people.toArquero().filter("d => d.age > 30").objects();
    assert.deepEqual(older.length, 3);
  });

  it("shows its first rows, escaped and cut", () => {
    const rows = Array.from({ length: 1234 }, () => ({ text: `<b>&"${"x".repeat(500)}`, n: 1, none: null }));
    const { "text/html": html, "text/plain": plain } = Dataset.fromArray(rows)[jupyterDisplay]();
    assert.match(html!, /&lt;b&gt;&amp;&quot;x+ …</);
    assert.equal(html!.match(/<tr>/g)!.length, 6, "a head and five rows");
    assert.equal(plain, "Dataset(1,234 rows: text, n, none)");
    assert.equal(inspect(Dataset.fromArray([])), "Dataset(0 rows: no columns)");
  });
});
