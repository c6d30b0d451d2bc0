/**
 * Cell after cell of mixed work in one kernel: what each leaves behind stays small. SOAK_CELLS
 * sets how many.
 */
import assert from "node:assert/strict";
import { type TestClient, TestKernel } from "./client.js";
import { childrenOf, resident } from "./memory.js";

const CELLS = Number(process.env.SOAK_CELLS ?? 2000);
/** What memory may grow by between the middle and the end, for each cell. */
const MAX_GROWTH = 50_000;
/** What garbage collection leaves undecided in a process that works. */
const SLACK = 48e6;

const WORK: ((i: number) => string)[] = [
  (i) => `const value = { number: ${i}, text: "x".repeat(1000) }; value.number`,
  (i) => `function twice(n: number) { return n * 2; } console.log(twice(${i}));`,
  () => 'for (let i = 0; i < 500; i++) console.log("a line of output", i);',
  () => 'throw new Error("expected");',
  (i) => `display({ "text/html": "<b>${i}</b>" }, { displayId: "one" });`,
  () => 'import { join } from "node:path"; join("a", "b")',
  () => "await new Promise((done) => setTimeout(done, 1)); for (let i = 0; i < 100; i++) await null;",
  (i) => `class Point { x = ${i}; } new Point()`,
  () => 'const wrong: number = "text";',
  (i) => `const v${i % 50} = [${i}]; v${i % 50}.length`,
];

const PROCESSES = ["supervisor", "cells", "runner"] as const;
describe("many cells", () => {
  let kernel: TestKernel;
  let client: TestClient;

  before(async () => {
    kernel = await TestKernel.start();
    client = await kernel.connect();
  });
  after(() => kernel.stop());

  async function run(from: number, to: number): Promise<void> {
    for (let i = from; i < to; i++) {
      const { reply } = await client.execute(WORK[i % WORK.length]?.(i) ?? "");
      assert.ok(reply.status === "ok" || i % WORK.length === 3 || i % WORK.length === 8, `cell ${i}`);
      client.broadcasts.length = 0;
    }
  }

  /** Resident memory of the kernel's processes in bytes, the least of some looks. */
  async function memory(): Promise<Record<(typeof PROCESSES)[number], number>> {
    const supervisor = kernel.process.pid as number;
    const runner = Number(await client.evaluate("process.pid"));
    const [cells, ...more] = childrenOf(supervisor).filter((pid) => pid !== runner);
    assert.ok(cells !== undefined && more.length === 0);
    const pids = { supervisor, cells, runner };
    const least = { supervisor: Infinity, cells: Infinity, runner: Infinity };
    for (let i = 0; i < 10; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      for (const name of PROCESSES) least[name] = Math.min(least[name], resident(pids[name]));
    }
    return least;
  }

  it(`leave memory flat (${CELLS} of them)`, async function () {
    this.timeout(CELLS * 200);
    await run(0, CELLS / 2);
    const middle = await memory();
    await run(CELLS / 2, CELLS);
    const end = await memory();
    for (const name of PROCESSES) {
      const grown = end[name] - middle[name];
      console.log(`      ${name}: ${megabytes(middle[name])}, then ${megabytes(end[name])} MB`);
      assert.ok(grown < SLACK + (CELLS / 2) * MAX_GROWTH, `${name} has grown by ${megabytes(grown)} MB`);
    }
  });
});

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}
