/** The process that runs the cells may die in any way; the kernel answers, and goes on with a fresh one. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KERNEL_ENTRY, type TestClient, TestKernel } from "./client.js";
import { childrenOf } from "./memory.js";

/** Starts a process that would outlive the tests, and prints its id. */
const SLEEPER =
  'import { spawn } from "node:child_process"; console.log(spawn("sleep", ["300"], { stdio: "inherit" }).pid);';

const DEATHS: Record<string, [code: string, says: RegExp]> = {
  "process.exit": ["process.exit(3)", /ended itself with exit code 3/],
  "kill -9": [
    "process.kill(process.pid, 'SIGKILL'); await new Promise(() => {})",
    /was ended by SIGKILL, as the system does/,
  ],
  "a segmentation fault": [
    "process.kill(process.pid, 'SIGSEGV'); await new Promise(() => {})",
    /crashed in native code \(SIGSEGV\)/,
  ],
  "another crash": [
    "process.kill(process.pid, 'SIGBUS'); await new Promise(() => {})",
    /crashed in native code \(SIGBUS\)/,
  ],
  "too much memory": [
    "const much: number[][] = []; while (true) much.push(new Array(1e5).fill(1.5))",
    /memory ran out/,
  ],
  "closing its own descriptors": ["require('fs').closeSync(3); await new Promise(() => {})", /closed the descriptor/],
  "writing on its own descriptors": [
    "require('fs').writeSync(3, 'nonsense\\n'); await new Promise(() => {})",
    /sent what is no message/,
  ],
  "writing much on them": [
    "require('fs').writeSync(3, 'n'.repeat(1000)); await new Promise(() => {})",
    /sent what is no message/,
  ],
  abort: ["process.abort()", /was aborted, most often because memory ran out/],
};

describe("the death of the client", () => {
  it("ends the kernel", async () => {
    const parent = spawn(process.execPath, ["-e", "setTimeout(() => {}, 500)"]);
    const kernel = await TestKernel.start({ env: { JPY_PARENT_PID: String(parent.pid) } });
    await new Promise((resolve) => kernel.process.once("exit", resolve));
    await kernel.stop();
  });

  it("is noticed although nobody has waited for it", async () => {
    // The shell starts the kernel, is killed, and stays a dead process as long as its own parent does not care.
    const directory = mkdtempSync(join(tmpdir(), "tunelab-parent-"));
    const pidFile = join(directory, "pid");
    const kernel = await TestKernel.start();
    const shell = `JPY_PARENT_PID=$$ '${process.execPath}' '${KERNEL_ENTRY}' '${kernel.connectionFile}.2' & echo $! > '${pidFile}'; wait`;
    const connection = JSON.parse(readFileSync(kernel.connectionFile, "utf8")) as { shell_port: number };
    writeFileSync(
      `${kernel.connectionFile}.2`,
      JSON.stringify({ ...connection, transport: "ipc", ip: join(directory, "s") }),
    );
    const careless = spawn("sh", ["-c", `sh -c "$0" & echo $! > '${pidFile}.shell'; exec sleep 60`, shell]);
    try {
      const pid = () => Number(existsSync(pidFile) ? readFileSync(pidFile, "utf8") : 0);
      await eventually(() => pid() > 0 && existsSync(join(directory, `s-${connection.shell_port}`)));
      process.kill(Number(readFileSync(`${pidFile}.shell`, "utf8")), "SIGKILL");
      await eventually(() => !isAlive(pid()));
    } finally {
      careless.kill("SIGKILL");
      await kernel.stop();
      rmSync(directory, { recursive: true });
    }
  });
});

describe("the death of the runner", () => {
  let kernel: TestKernel;
  let client: TestClient;

  beforeEach(async () => {
    kernel = await TestKernel.start({ env: { NODE_OPTIONS: "--max-old-space-size=300" } });
    client = await kernel.connect();
  });
  afterEach(() => kernel.stop());

  for (const [name, [code, says]] of Object.entries(DEATHS)) {
    it(`by ${name} is an error in the cell`, async () => {
      await client.ok("const before = 1;");
      const { reply, stdout } = await client.execute(`console.log("last words"); ${code}`);
      assert.equal(stdout, "last words\n");
      assert.equal(reply.status, "error");
      assert.equal(reply.ename, "RunnerDied");
      assert.match(String(reply.evalue), says);
      assert.equal(await client.evaluate("1 + 1"), "2");
      assert.match(String((await client.execute("before")).reply.evalue), /Cannot find name 'before'/);
    });
  }

  it("says nothing of the session by which cells are interrupted", async () => {
    assert.equal((await client.execute("process.exit(1)")).stderr, "");
    const { stderr } = await client.execute('require("fs").writeSync(2, "before\\n"); process.exit(1)');
    assert.equal(stderr, "before\n");
  });

  it("in a folder that is gone is told with the way out, until there is one again", async () => {
    const cwd = mkdtempSync(join(tmpdir(), "tunelab-gone-"));
    const other = await TestKernel.start({ cwd });
    try {
      const client = await other.connect();
      await client.ok("1");
      rmSync(cwd, { recursive: true });
      assert.match(String((await client.execute("process.exit(1)")).reply.evalue), /ended itself with exit code 1/);
      for (let i = 0; i < 2; i++) {
        const { reply, stderr } = await client.execute("1 + 1");
        assert.match(String(reply.evalue), new RegExp(`cannot be started: its folder ${cwd} is gone`));
        assert.equal(stderr, "");
      }
      mkdirSync(cwd);
      assert.equal(await client.evaluate("1 + 1"), "2");
    } finally {
      await other.stop();
      rmSync(cwd, { recursive: true, force: true });
    }
  });

  it("leaves clients connected, the history and the count", async () => {
    const first = Number((await client.ok("'before it'")).reply.execution_count);
    await client.execute("process.exit(1)");
    assert.equal((await client.ok("'after it'")).reply.execution_count, first + 2);
    const { history } = await client.request("history_request", { hist_access_type: "tail", n: 3, output: true });
    assert.deepEqual(history, [
      [1, first, ["'before it'", "'before it'"]],
      [1, first + 1, ["process.exit(1)", null]],
      [1, first + 2, ["'after it'", "'after it'"]],
    ]);
    assert.ok((await client.beat()) >= 0);
  });

  it("runs the cells that were queued behind it only when they are to run after errors", async () => {
    const sent = [
      await client.submit("process.exit(1)"),
      await client.submit("'not run'"),
      await client.submit("process.exit(1)", { stopOnError: false }),
      await client.submit("'run'"),
    ];
    const statuses = (await Promise.all(sent.map(({ result }) => result))).map(({ reply }) => reply.status);
    assert.deepEqual(statuses, ["error", "aborted", "aborted", "aborted"]);
    const [dies, runs] = [await client.submit("process.exit(1)", { stopOnError: false }), await client.submit("'run'")];
    assert.equal((await dies.result).reply.ename, "RunnerDied");
    assert.equal((await runs.result).value?.["text/plain"], "'run'");
  });

  it("between cells is told at the latest cell", async () => {
    const { id, result } = await client.submit("setTimeout(() => process.exit(0), 20);");
    await result;
    await client.until(() => client.of(id).some(({ content }) => String(content.text).includes("variables are lost")));
    assert.equal(await client.evaluate("1 + 1"), "2");
  });

  it("takes what its cells have started with it, by whatever end", async () => {
    for (const end of ["process.exit(0)", "process.kill(process.pid, 'SIGKILL'); await new Promise(() => {})"]) {
      const { stdout } = await client.execute(`${SLEEPER} ${end}`);
      await eventually(() => !isAlive(Number(stdout)));
    }
  });

  it("comes with the kernel's own end", async () => {
    const pid = Number(await client.evaluate("process.pid"));
    await client.request("shutdown_request", { restart: false }, "control");
    await new Promise((resolve) => kernel.process.once("exit", resolve));
    await eventually(() => !isAlive(pid));
  });

  for (const [state, code] of Object.entries({ "while a cell computes": "while (true) {}", "between cells": "" })) {
    it(`comes when the kernel is killed ${state}, and leaves no child of it`, async () => {
      const { id } = await client.submit(`${SLEEPER} console.log(process.pid); ${code}`);
      const pids = () =>
        client
          .of(id)
          .map(({ content }) => String(content.text ?? ""))
          .join("")
          .match(/\d+\n/g) ?? [];
      await client.until(() => pids().length === 2);
      kernel.process.kill("SIGKILL");
      await eventually(() => !pids().some((pid) => isAlive(Number(pid))));
    });
  }
});

describe("the process that compiles", () => {
  const RESTARTS: Record<string, (client: TestClient, compiler: number) => Promise<unknown>> = {
    "at first": () => Promise.resolve(),
    "with another runner": (client) => client.execute("process.exit(1)"),
    "after its own death": (_, compiler) => {
      process.kill(compiler, "SIGKILL");
      return eventually(() => !isAlive(compiler));
    },
    "after both deaths": async (client, compiler) => {
      process.kill(compiler, "SIGKILL");
      await eventually(() => !isAlive(compiler));
      await client.execute("process.exit(1)");
    },
    "after the interrupt of a large cell": async (client) => {
      const { result } = await client.submit("const a = 1;\n".repeat(200_000));
      await client.interrupt();
      await result;
    },
  };
  for (const [name, restart] of Object.entries(RESTARTS)) {
    it(`ends with a kernel that is killed, even where it cannot notice: ${name}`, async () => {
      const kernel = await TestKernel.start();
      try {
        const client = await kernel.connect();
        const runner = async () => Number(await client.evaluate("process.pid"));
        const other = (of: number) => childrenOf(kernel.process.pid ?? 0).find((pid) => pid !== of) ?? 0;
        await restart(client, other(await runner()));
        const compiler = other(await runner());
        assert.ok(compiler > 0);
        // Not even a signal that it could handle reaches it now, nor the end of its channel.
        process.kill(compiler, "SIGSTOP");
        kernel.process.kill("SIGKILL");
        await eventually(() => !isAlive(compiler));
      } finally {
        await kernel.stop();
      }
    });
  }
});

describe("a cell that replaces what the kernel uses", () => {
  for (const code of [
    "JSON.stringify = () => 'nonsense'; JSON.parse = () => null;",
    "Buffer.from = (() => null) as never; Buffer.concat = (() => null) as never; Buffer.alloc = (() => null) as never;",
    "globalThis.setTimeout = (() => 0) as never; globalThis.setImmediate = (() => 0) as never;",
    "process.stdout.write = (() => true) as never; process.exit = (() => {}) as never; process.kill = (() => true) as never;",
    "for (const event of ['SIGINT', 'uncaughtException']) process.removeAllListeners(event); process.chdir('/');",
    "Array.prototype.map = (() => []) as never; Map.prototype.get = () => undefined; Symbol.for = (() => Symbol()) as never;",
    "Error.prepareStackTrace = () => 'x'; Date.now = () => 0; performance.now = () => 0;",
  ]) {
    it(`leaves later cells running: ${code.slice(0, 40)}`, async () => {
      const kernel = await TestKernel.start();
      try {
        const client = await kernel.connect();
        await client.ok(code);
        assert.equal(await client.evaluate("40 + 2"), "42");
        const { result } = await client.submit("while (true) {}");
        await new Promise((resolve) => setTimeout(resolve, 200));
        await client.interrupt();
        assert.equal((await result).reply.ename, "KeyboardInterrupt");
      } finally {
        await kernel.stop();
      }
    });
  }
});

describe("an answer always comes", () => {
  let kernel: TestKernel;
  let client: TestClient;

  before(async () => {
    kernel = await TestKernel.start({ env: { TMPDIR: "/nonexistent" } });
    client = await kernel.connect();
  });
  after(() => kernel.stop());

  const ODD: Record<string, [code: string, says: RegExp]> = {
    "a thrown value that cannot be read": [
      'throw { get name() { throw new Error("no"); }, message: 1, stack: 2 };',
      /What was thrown cannot be shown/,
    ],
    "a value that cannot be inspected": [
      '({ [Symbol.for("nodejs.util.inspect.custom")]() { throw new Error("no inspection"); } })',
      /no inspection/,
    ],
    "a value whose bundle is no JSON": [
      'const ring: any = {}; ring.ring = ring; ({ [Symbol.for("Jupyter.display")]() { return { "application/json": ring }; } })',
      /circular structure/,
    ],
    "a stack that overflows": ["const deep = (): number => deep() + 1; deep();", /call stack/],
  };
  for (const [name, [code, says]] of Object.entries(ODD)) {
    it(`to ${name}`, async () => {
      const { reply } = await client.execute(code);
      assert.equal(reply.status, "error");
      assert.match(String(reply.evalue), says);
      assert.equal(await client.evaluate("1 + 1"), "2");
    });
  }
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function eventually(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(condition());
}
