import assert from "node:assert/strict";
import { Dataset } from "../../../lib/data/dataset.js";

const cases = Dataset.fromArray(Array.from({ length: 2500 }, (_, n) => ({ Question: `q${n}`, Response: `r${n}` })));

/** As a notebook writes it: typed by hand, without knowing the data set's type. */
function format(examples: { Question: string[]; Response: string[] }): { text: string[] } {
  return { text: examples.Question.map((question, i) => `${question} ${examples.Response[i]}`) };
}

describe("Dataset.map", () => {
  it("gives batches of columns and adds what comes back", async () => {
    const sizes: number[] = [];
    const mapped = await cases.map(
      (examples, indices) => {
        sizes.push(indices.length);
        assert.equal(examples.Question[0], `q${indices[0]}`);
        return format(examples);
      },
      { batched: true },
    );
    assert.deepEqual(sizes, [1000, 1000, 500]);
    assert.deepEqual(mapped.columnNames, ["Question", "Response", "text"]);
    const text: string | undefined = mapped.column("text")[2400];
    assert.equal(text, "q2400 r2400");
  });

  it("takes a function typed by hand on a data set of unknown columns, and goes back into the same variable", async () => {
    let dataset: Dataset = cases as unknown as Dataset;
    dataset = await dataset.map(format, { batched: true, batchSize: 7 });
    assert.equal(dataset.column("text")[8], "q8 r8");
  });

  it("maps rows one by one, async too, and keeps a row for undefined", async () => {
    const few = cases.slice(0, 3);
    const mapped = await few.map(async (row, index) => ({ Question: row.Question.toUpperCase(), index }));
    assert.deepEqual(mapped.row(2), { Question: "Q2", Response: "r2", index: 2 });
    const seen: string[] = [];
    const same = await few.map((row) => {
      seen.push(row.Question);
      return undefined;
    });
    assert.deepEqual(same.toArray(), few.toArray());
    assert.deepEqual(seen, ["q0", "q1", "q2"]);
  });

  it("may change the number of rows when the old columns go", async () => {
    const doubled = await cases
      .slice(0, 3)
      .map(({ Question }) => ({ half: Question.flatMap((question) => [question, question]) }), {
        batched: true,
        removeColumns: ["Question", "Response"],
      });
    assert.deepEqual(doubled.columnNames, ["half"]);
    assert.equal(doubled.numRows, 6);
  });

  it("does not touch the data set it maps", async () => {
    const before = cases.slice(0, 2);
    await before.map(
      (batch) => {
        batch.Question.length = 0;
        return { x: ["a", "b"] };
      },
      { batched: true, removeColumns: ["Question", "Response"] },
    );
    assert.deepEqual(before.column("Question"), ["q0", "q1"]);
  });

  const few = cases.slice(0, 3) as unknown as Dataset;
  const batched = (returned: unknown) => () => few.map(() => returned as object, { batched: true });

  it("says which returned column has the wrong length, and what to do", async () => {
    await assert.rejects(
      batched({ text: ["one"] }),
      /column "text" has 1 values for a batch of 3 rows\..*removeColumns/,
    );
    await assert.rejects(batched({ a: ["1", "2", "3"], b: [] }), /differ in length: "a" has 3, "b" has 0/);
  });

  it("says what a function returned instead of columns", async () => {
    await assert.rejects(batched({ text: "one string" }), /returned a string as column "text", not an array/);
    await assert.rejects(batched([1]), /returned an array, not an object of columns/);
    await assert.rejects(
      few.map(() => "x" as never),
      /returned a string for row 0, not an object/,
    );
    let call = 0;
    const uneven = () => few.map(() => (call++ === 0 ? { a: ["1"] } : { b: ["1"] }), { batched: true, batchSize: 1 });
    await assert.rejects(uneven, /"b" was returned for the batch from row 1 but not for those before/);
  });

  it("names the nearest column when the function reads one that is not there", async () => {
    const misspelt = () => few.map((examples) => ({ text: examples.question ?? [] }), { batched: true });
    await assert.rejects(misspelt, /The data set has no column "question"\. Did you mean "Question"/);
    await assert.rejects(
      few.filter((row) => Boolean(row.Answer)),
      /no column "Answer"/,
    );
  });

  it("refuses unknown options and batch sizes that cannot be", async () => {
    await assert.rejects(
      few.map(format, { batched: true, batch_size: 2 } as never),
      /"batch_size" of map.*"batchSize"/,
    );
    await assert.rejects(few.map(format, { batched: true, batchSize: 0 }), /batchSize must be a positive whole number/);
    await assert.rejects(few.map(format, { batched: true, removeColumns: ["x"] }), /no column "x"/);
    await assert.rejects(few.map(format, { batched: true, removeColumns: "long" }), /no column "long"/);
    await assert.rejects(
      few.map(format, { batched: true, numProc: 2 } as never),
      /no option "numProc".*one after the other/,
    );
  });

  it("maps nothing to nothing and keeps the columns", async () => {
    const empty = await cases.slice(0, 0).map(format, { batched: true });
    assert.deepEqual([empty.numRows, empty.columnNames], [0, ["Question", "Response"]]);
  });
});

describe("Dataset.filter", () => {
  it("keeps the rows that the function takes", async () => {
    const kept = await cases.filter(async (row, index) => row.Question.endsWith("7") && index < 30);
    assert.deepEqual(kept.column("Question"), ["q7", "q17", "q27"]);
  });
});
