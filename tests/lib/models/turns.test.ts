import assert from "node:assert/strict";
import { Turns } from "../../../lib/models/turns.js";

/** Work that ends when it is told to, and notes that it began. */
class Work {
  readonly begun: string[] = [];
  readonly #ends = new Map<string, { resolve: (name: string) => void; reject: (error: Error) => void }>();

  do = (name: string) => (): Promise<string> => {
    this.begun.push(name);
    return new Promise((resolve, reject) => this.#ends.set(name, { resolve, reject }));
  };
  async end(name: string, error?: Error): Promise<void> {
    const { resolve, reject } = this.#ends.get(name)!;
    if (error === undefined) resolve(name);
    else reject(error);
    await new Promise(setImmediate);
  }
}

describe("turns", () => {
  it("begin in order, as many as fit", async () => {
    const [turns, work] = [new Turns(10), new Work()];
    const runs = [
      turns.run(4, work.do("a")),
      turns.run(6, work.do("b")),
      turns.run(7, work.do("c")),
      turns.run(1, work.do("d")),
    ];
    await new Promise(setImmediate);
    assert.deepEqual(work.begun, ["a", "b"]);
    await work.end("a");
    // d would fit, but it is not its turn.
    assert.deepEqual(work.begun, ["a", "b"]);
    await work.end("b");
    assert.deepEqual(work.begun, ["a", "b", "c", "d"]);
    await work.end("c");
    await work.end("d");
    assert.deepEqual(await Promise.all(runs), ["a", "b", "c", "d"]);
  });

  it("let larger work through alone, and go on after a failure", async () => {
    const [turns, work] = [new Turns(10), new Work()];
    const large = turns.run(99, work.do("large"));
    const small = turns.run(1, work.do("small"));
    await new Promise(setImmediate);
    assert.deepEqual(work.begun, ["large"]);
    const failed = assert.rejects(large, /broken/);
    await work.end("large", new Error("broken"));
    await failed;
    assert.deepEqual(work.begun, ["large", "small"]);
    await work.end("small");
    assert.equal(await small, "small");
  });

  it("stop when what was under way has ended", async () => {
    const [turns, work] = [new Turns(0), new Work()];
    const first = turns.run(1, work.do("first"));
    const refused = assert.rejects(turns.run(1, work.do("second")), /enough/);
    await new Promise(setImmediate);
    let stopped = false;
    const stopping = turns.stop(new Error("enough")).then(() => {
      stopped = true;
    });
    await refused;
    assert.equal(stopped, false);
    await work.end("first");
    await stopping;
    assert.equal(await first, "first");
    await assert.rejects(turns.run(1, work.do("third")), /enough/);
    assert.deepEqual(work.begun, ["first"]);
  });

  it("do not begin work between its turn and a stop", async () => {
    const [turns, work] = [new Turns(1), new Work()];
    const run = assert.rejects(turns.run(1, work.do("a")), /enough/);
    await turns.stop(new Error("enough"));
    await run;
    assert.deepEqual(work.begun, []);
  });
});
