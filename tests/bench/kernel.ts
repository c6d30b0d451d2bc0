/**
 * The kernel beside tslab, Deno and ipykernel, over the Jupyter protocol, each started as its kernelspec says, in turns
 * on one machine. Prints medians and ratios (above 1: ours is ahead), and writes every figure to build/bench/kernel.json.
 * `ROUNDS=1` measures once; words name the rows to measure.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../../lib/packageRoot.js";
import { type Absent, type Contender, contenders } from "./kernel/contenders.js";
import { type Figures, MEASURES, type Measure, pause, Session } from "./kernel/measures.js";
import { type Results, renderTable } from "./kernel/table.js";

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const words = process.argv.slice(2);

const all = contenders();
const present = all.filter((one): one is Contender => "argv" in one);
const measures = MEASURES.filter(
  ({ rows }) => words.length === 0 || Object.keys(rows).some((row) => words.some((word) => row.includes(word))),
);
const results: Results = {};

for (const measure of measures) {
  process.stderr.write(`${Object.keys(measure.rows).join(", ")} `);
  for (let round = 0; round < ROUNDS; round++) {
    for (const contender of present) await measureOnce(measure, contender);
    process.stderr.write(".");
  }
  process.stderr.write("\n");
}

const machine = `${cpus().length} cores (${cpus()[0]?.model ?? process.arch}), Node ${process.version}`;
const absent = all.filter((one): one is Absent => "reason" in one);
console.log(renderTable({ measures, contenders: all, results }));
console.log(`\n${new Date().toISOString().slice(0, 10)}, ${machine}, median of ${ROUNDS} rounds.`);
const folder = join(packageRoot, "build", "bench");
mkdirSync(folder, { recursive: true });
writeFileSync(
  join(folder, "kernel.json"),
  JSON.stringify({ date: new Date(), machine, rounds: ROUNDS, versions: versions(), absent, results }, undefined, 2),
);
process.exit();

async function measureOnce(measure: Measure, contender: Contender): Promise<void> {
  const rows = Object.entries(measure.rows);
  const cells = rows.map(([row]) => {
    results[row] ??= {};
    results[row][contender.name] ??= { values: [] };
    return results[row][contender.name];
  });
  // What a kernel cannot do once it is not asked for again.
  if (cells.some((cell) => cell?.reason !== undefined)) return;
  const session = new Session(contender);
  try {
    const figures = await withLimit(measure.run(contender, session), measure.limitMs);
    for (const [row] of rows) results[row]?.[contender.name]?.values.push(figures[row] as number);
  } catch (error) {
    for (const cell of cells) if (cell !== undefined) cell.reason = (error as Error).message;
  }
  await session.close();
}

async function withLimit(work: Promise<Figures>, limitMs: number): Promise<Figures> {
  const figures = await Promise.race([work, pause(limitMs)]);
  if (figures === undefined) throw new Error(`no end within ${limitMs / 1000} s`);
  return figures;
}

function versions(): Record<string, string> {
  return Object.fromEntries(present.map(({ name, version }) => [name, version]));
}
