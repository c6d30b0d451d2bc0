/** What is measured of a kernel. Each measure starts a kernel of its own, so that none warms up or breaks the next. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestClient, TestKernel } from "../../kernel/client.js";
import { type Contender, OURS } from "./contenders.js";
import { CHUNK_BYTES } from "./dialects.js";
import { memoryOfTree } from "./memory.js";

/** Figures by the name of their row; a kernel that cannot do something throws a sentence that says so. */
export type Figures = Record<string, number>;

export interface Measure {
  /** Rows of the table that it fills: name and unit, and whether more is better. */
  rows: Record<string, { unit: "s" | "ms" | "MB/s" | "MiB"; moreIsBetter?: true; onlyOurs?: true }>;
  limitMs: number;
  run(contender: Contender, session: Session): Promise<Figures>;
}

const LINES = 20_000;
const CHUNKS = 160;
const WARM_CELLS = 60;
const SETTLE_MS = 1500;
/** Idle is when nobody has asked for anything for so long: kernels may give memory back by then. */
const IDLE_MS = 12_000;

/** Starts kernels for a measure and stops them when it is over, however it ended. */
export class Session {
  readonly #contender: Contender;
  readonly #kernels: TestKernel[] = [];

  constructor(contender: Contender) {
    this.#contender = contender;
  }

  async start(): Promise<{ kernel: TestKernel; client: TestClient; started: number }> {
    const { argv, env } = this.#contender;
    const cwd = mkdtempSync(join(tmpdir(), "tunelab-bench-"));
    const started = performance.now();
    const kernel = await TestKernel.start({ argv, env, cwd });
    this.#kernels.push(kernel);
    return { kernel, client: kernel.open(), started };
  }

  /** A kernel that has run a cell, and whose broadcasts arrive. */
  async startWarm(): Promise<{ kernel: TestKernel; client: TestClient }> {
    const { kernel, client } = await this.start();
    // Whether a subscription is in force can be seen only by what comes through it.
    for (;;) {
      const id = await client.send("shell", "kernel_info_request", {});
      await client.until(() => client.replied(id));
      await pause(50);
      if (client.of(id).length > 0) break;
    }
    await succeed(client, this.#contender.dialect.declaration(0));
    await pause(SETTLE_MS);
    return { kernel, client };
  }

  async close(): Promise<void> {
    for (const kernel of this.#kernels) await kernel.stop();
  }
}

export const MEASURES: Measure[] = [
  {
    rows: { "start to kernel_info": { unit: "s" } },
    limitMs: 20_000,
    async run(_contender, session) {
      const { client, started } = await session.start();
      await client.request("kernel_info_request");
      return { "start to kernel_info": (performance.now() - started) / 1000 };
    },
  },
  {
    rows: { "start to the first cell's result": { unit: "s" } },
    limitMs: 30_000,
    async run(_contender, session) {
      return { "start to the first cell's result": await firstCell(session, "1 + 1") };
    },
  },
  {
    rows: {
      "start to a first cell `tf.tensor([1]).dataSync()[0]`": { unit: "s", onlyOurs: true },
      "start to a first cell `FastLanguageModel`": { unit: "s", onlyOurs: true },
    },
    limitMs: 30_000,
    async run({ name }, session) {
      if (name !== OURS) throw new Error("no such library");
      return {
        "start to a first cell `tf.tensor([1]).dataSync()[0]`": await firstCell(
          session,
          "tf.tensor([1]).dataSync()[0]",
        ),
        "start to a first cell `FastLanguageModel`": await firstCell(session, "FastLanguageModel"),
      };
    },
  },
  {
    rows: { "warm cell, a declaration": { unit: "ms" }, "warm cell, an expression": { unit: "ms" } },
    limitMs: 60_000,
    async run({ dialect }, session) {
      const { client } = await session.startWarm();
      const declarations: number[] = [];
      const expressions: number[] = [];
      for (let n = 1; n <= WARM_CELLS; n++) {
        declarations.push(await timed(() => succeed(client, dialect.declaration(n))));
        expressions.push(await timed(() => succeed(client, dialect.expression(n))));
      }
      return { "warm cell, a declaration": median(declarations), "warm cell, an expression": median(expressions) };
    },
  },
  {
    rows: { "20,000 printed lines": { unit: "ms" } },
    limitMs: 20_000,
    async run({ dialect }, session) {
      const { client } = await session.startWarm();
      const pending = await client.submit(dialect.lines(LINES));
      const started = performance.now();
      const ended = await Promise.race([pending.ended.then(() => true), pause(10_000)]);
      const elapsed = performance.now() - started;
      const text = client
        .of(pending.id)
        .filter(({ header }) => header.msg_type === "stream")
        .map(({ content }) => content.text)
        .join("");
      const lines = text.split("\n").slice(0, -1);
      const inOrder = lines.every((line, index) => line === `line ${index}`);
      if (lines.length !== LINES || !inOrder) {
        throw new Error(`${lines.length.toLocaleString("en")} lines came${inOrder ? "" : ", out of order"}`);
      }
      if (!ended) throw new Error("never idle again");
      return { "20,000 printed lines": elapsed };
    },
  },
  {
    rows: { "10 MB written to stdout": { unit: "MB/s", moreIsBetter: true } },
    limitMs: 20_000,
    async run({ dialect }, session) {
      const { client } = await session.startWarm();
      const source = dialect.chunks(CHUNKS);
      const pending = await client.submit(source);
      const started = performance.now();
      const ended = await Promise.race([pending.ended.then(() => true), pause(10_000)]);
      const elapsed = performance.now() - started;
      if (!ended) throw new Error("never idle again");
      const { stdout } = await pending.result;
      if (stdout.length !== CHUNKS * CHUNK_BYTES) throw new Error(`${stdout.length} bytes came`);
      return { "10 MB written to stdout": (CHUNKS * CHUNK_BYTES) / 1e6 / (elapsed / 1000) };
    },
  },
  {
    rows: { "completion, idle": { unit: "ms" }, "completion, while a cell computes": { unit: "ms" } },
    limitMs: 30_000,
    async run({ dialect }, session) {
      const { client } = await session.startWarm();
      const { before, code, match } = dialect.completion;
      await succeed(client, before);
      const complete = async () => {
        const reply = await client.request("complete_request", { code, cursor_pos: code.length });
        if (!(reply.matches as string[]).some((name) => name.endsWith(match)))
          throw new Error(`no ${match} for ${code}`);
      };
      await complete();
      const idle: number[] = [];
      for (let n = 0; n < 10; n++) idle.push(await timed(complete));
      const { result } = await client.submit(dialect.busy(2000));
      await pause(300);
      const busy = await timed(complete);
      await result;
      return { "completion, idle": median(idle), "completion, while a cell computes": busy };
    },
  },
  ...(["syncLoop", "asyncLoop"] as const).map((loop): Measure => {
    const row = `interrupt of ${loop === "syncLoop" ? "a synchronous" : "an asynchronous"} loop`;
    return {
      rows: { [row]: { unit: "ms" } },
      limitMs: 20_000,
      async run({ dialect, interrupt }, session) {
        const { kernel, client } = await session.startWarm();
        await succeed(client, dialect.counter);
        const { id, result } = await client.submit(dialect[loop]);
        // A kernel that cannot be interrupted never ends it.
        result.catch(() => {});
        await pause(500);
        const started = performance.now();
        if (interrupt === "signal") kernel.process.kill("SIGINT");
        else void client.interrupt();
        await client
          .until(() => client.replied(id), 5000)
          .catch(() => {
            throw new Error("not stopped in 5 s");
          });
        const elapsed = performance.now() - started;
        // tslab refuses what comes sooner after an error.
        await pause(300);
        const [before, after] = [await succeed(client, "ticks"), await succeed(client, "ticks")];
        if (before !== after) throw new Error("says that it stopped, and the loop goes on");
        return { [row]: elapsed };
      },
    };
  }),
  {
    rows: { "memory, idle (PSS)": { unit: "MiB" }, "memory, idle (RSS)": { unit: "MiB" } },
    limitMs: 40_000,
    async run(_contender, session) {
      const { kernel, client } = await session.start();
      await client.request("kernel_info_request");
      await pause(IDLE_MS);
      const memory = memoryOfTree(kernel.process.pid as number);
      if (memory === undefined) throw new Error("no /proc on this system");
      return { "memory, idle (PSS)": memory.pssMiB, "memory, idle (RSS)": memory.rssMiB };
    },
  },
];

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

export function pause(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, ms, undefined).unref());
}

/** Seconds until the reply of a cell that is sent at once. */
async function firstCell(session: Session, code: string): Promise<number> {
  const { client, started } = await session.start();
  const reply = await client.request("execute_request", { code, silent: false, store_history: true });
  if (reply.status !== "ok") throw new Error(`${code} failed: ${JSON.stringify(reply.evalue)}`);
  return (performance.now() - started) / 1000;
}

/** Runs a cell that must end well; gives what it shows. */
async function succeed(client: TestClient, code: string): Promise<string> {
  const { reply, value, stdout } = await client.execute(code);
  if (reply.status !== "ok") throw new Error(`a cell failed: ${JSON.stringify(reply.evalue ?? reply)}`);
  return String(value?.["text/plain"] ?? stdout);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
