/** The protocol as clients rely on it: order, counts, history, silence, aborting, and answers while a cell computes. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readConnectionFile } from "../../kernel/protocol/connection.js";
import type { Json } from "../../kernel/protocol/messages.js";
import { Wire } from "../../kernel/protocol/wire.js";
import { type TestClient, TestKernel } from "./client.js";

const ASKS =
  "import { createInterface } from 'node:readline/promises'; await createInterface({ input: process.stdin }).question('x')";

describe("supervisor", () => {
  let kernel: TestKernel;
  let client: TestClient;

  before(async () => {
    kernel = await TestKernel.start();
    client = await kernel.connect();
  });
  after(() => kernel.stop());

  it("sends busy, input, result and idle in this order, in its own session", async () => {
    const { messages, reply } = await client.execute("'x'");
    assert.deepEqual(
      messages.map(({ header, content }) => content.execution_state ?? header.msg_type),
      ["busy", "execute_input", "execute_result", "idle"],
    );
    assert.equal(reply.status, "ok");
    assert.ok(messages.every(({ header }) => header.session !== client.session));
  });

  it("runs queued cells one after the other", async () => {
    const first = await client.submit("await new Promise((r) => setTimeout(r, 50)); console.log('a')");
    const second = await client.submit("console.log('b')");
    await Promise.all([first.result, second.result]);
    const states = client.broadcasts
      .filter((m) => [first.id, second.id].includes(String(m.parentHeader.msg_id)) && m.header.msg_type === "status")
      .map((m) => `${m.parentHeader.msg_id === first.id ? "a" : "b"} ${m.content.execution_state}`);
    assert.deepEqual(states, ["a busy", "a idle", "b busy", "b idle"]);
  });

  it("aborts what was queued when a cell fails, and nothing that comes later", async () => {
    const sent = [await client.submit("throw new Error('x')"), await client.submit("1"), await client.submit("2")];
    const [failed, ...rest] = await Promise.all(sent.map(({ result }) => result));
    assert.equal(failed?.reply.status, "error");
    for (const { reply, messages } of rest) {
      assert.equal(reply.status, "aborted");
      assert.deepEqual(
        messages.map(({ content }) => content.execution_state),
        ["busy", "idle"],
      );
    }
    assert.equal(await client.evaluate("3"), "3");
  });

  it("goes on after an error when stop_on_error is false", async () => {
    const failing = await client.submit("throw new Error('x')", { stopOnError: false });
    const next = await client.submit("'went on'");
    await failing.result;
    assert.equal((await next.result).value?.["text/plain"], "'went on'");
  });

  it("runs silently: no input, no result, no count, no history", async () => {
    const before = (await client.ok("0")).reply.execution_count;
    const { messages, reply } = await client.execute("const hidden = 5; hidden", { silent: true });
    assert.equal(reply.status, "ok");
    assert.ok(messages.every(({ header }) => header.msg_type === "status"));
    assert.equal((await client.ok("hidden")).reply.execution_count, Number(before) + 1);
  });

  it("counts and remembers nothing of a cell that is not to be stored, and shows it", async () => {
    const before = Number((await client.ok("'counted'")).reply.execution_count);
    const { reply, value, messages } = await client.execute("'not stored'", { storeHistory: false });
    assert.equal(reply.execution_count, before);
    assert.equal(value?.["text/plain"], "'not stored'");
    assert.ok(messages.some(({ header }) => header.msg_type === "execute_input"));
    const { history } = await client.request("history_request", { hist_access_type: "tail", n: 1 });
    assert.deepEqual(history, [[1, before, "'counted'"]]);
    assert.equal((await client.ok("0")).reply.execution_count, before + 1);
  });

  it("tells its ports", async () => {
    const { shell_port, hb_port } = JSON.parse(readFileSync(kernel.connectionFile, "utf8")) as Record<string, number>;
    const reply = await client.request("connect_request");
    assert.deepEqual([reply.shell_port, reply.hb_port, Object.keys(reply).length], [shell_port, hb_port, 6]);
  });

  it("evaluates user expressions after the cell", async () => {
    const { reply } = await client.execute("const base = 20;", {
      userExpressions: { good: "base + 1", bad: "nothing" },
    });
    const expressions = reply.user_expressions as Record<string, Record<string, unknown>>;
    assert.deepEqual(expressions.good, { status: "ok", data: { "text/plain": "21" }, metadata: {} });
    assert.equal(expressions.bad?.status, "error");
  });

  it("keeps history: tail, range, search with wildcards, unique", async () => {
    await client.ok("'needle 1'");
    await client.ok("'needle 1'");
    const { reply } = await client.ok("'needle 2'");
    const count = Number(reply.execution_count);
    const ask = async (content: Record<string, string | number | boolean>) => {
      const { history } = await client.request("history_request", { raw: true, output: false, ...content });
      return history as [number, number, unknown][];
    };
    assert.deepEqual(await ask({ hist_access_type: "tail", n: 1 }), [[1, count, "'needle 2'"]]);
    assert.deepEqual(await ask({ hist_access_type: "range", session: 0, start: count - 1, stop: count }), [
      [1, count - 1, "'needle 1'"],
    ]);
    const search = { hist_access_type: "search", pattern: "'n??dle*" };
    assert.equal((await ask(search)).length, 3);
    assert.equal((await ask({ ...search, unique: true })).length, 2);
    assert.equal((await ask({ ...search, pattern: "*[^a-z] [2-9]'" })).length, 0);
    assert.equal((await ask({ ...search, pattern: "'[m-o]eedle [2-9]'" })).length, 1);
    assert.deepEqual((await ask({ ...search, n: 1, output: true }))[0]?.[2], ["'needle 2'", "'needle 2'"]);
  });

  describe("while a cell computes", () => {
    it("answers kernel_info, completion, inspection and the heartbeat", async () => {
      await client.ok("const matrix = { rows: 2, columns: 3 };");
      const { result } = await client.submit("const end = Date.now() + 1500; while (Date.now() < end);");
      const start = performance.now();
      assert.equal((await client.request("kernel_info_request")).implementation, "tunelab");
      assert.equal((await client.request("kernel_info_request", {}, "control")).status, "ok");
      const completed = await client.request("complete_request", { code: "matrix.c", cursor_pos: 8 });
      assert.deepEqual(completed.matches, ["columns"]);
      const inspected = await client.request("inspect_request", { code: "matrix", cursor_pos: 3, detail_level: 0 });
      assert.equal(inspected.found, true);
      assert.ok((await client.beat()) < 1000);
      assert.ok(performance.now() - start < 1500, "answers waited for the cell");
      assert.equal((await result).reply.status, "ok");
    });

    it("completes with names of the running cell", async () => {
      const { result } = await client.submit("const justNow = 1; await new Promise((r) => setTimeout(r, 300));");
      await new Promise((resolve) => setTimeout(resolve, 150));
      const completed = await client.request("complete_request", { code: "justN", cursor_pos: 5 });
      assert.deepEqual(completed.matches, ["justNow"]);
      await result;
    });
  });

  it("counts cursor positions in code points and tells kinds", async () => {
    const code = "const s = '🎉🎉'; parseI";
    const reply = await client.request("complete_request", { code, cursor_pos: [...code].length });
    assert.deepEqual(reply.matches, ["parseInt"]);
    assert.deepEqual([reply.cursor_start, reply.cursor_end], [[...code].length - 6, [...code].length]);
    const metadata = reply.metadata as { _jupyter_types_experimental: { text: string; type: string }[] };
    assert.equal(metadata._jupyter_types_experimental[0]?.type, "function");
  });

  it("tells complete, incomplete and invalid code apart", async () => {
    const status = async (code: string) => (await client.request("is_complete_request", { code })).status;
    const codes = ["1 + 1", "function f() {", "const = 7q", "`a", "`a\n\n\n", "`a b`", "'a"];
    assert.deepEqual(await Promise.all(codes.map(status)), [
      "complete",
      "incomplete",
      "invalid",
      "incomplete",
      "incomplete",
      "complete",
      "invalid",
    ]);
  });

  it("closes comms that nobody here knows", async () => {
    const id = await client.send("shell", "comm_open", { comm_id: "c1", target_name: "nobody", data: {} });
    await client.until(() => client.of(id).some(({ header }) => header.msg_type === "comm_close"));
    assert.deepEqual(await client.request("comm_info_request", {}), { status: "ok", comms: {} });
  });

  it("serves two clients: output reaches both, a reply only who asked", async () => {
    const other = await kernel.connect();
    const [mine, theirs] = [await client.submit("console.log('mine')"), await other.submit("console.log('theirs')")];
    await Promise.all([mine.result, theirs.result]);
    for (const [one, id] of [
      [client, theirs.id],
      [other, mine.id],
    ] as const) {
      await one.until(() => one.of(id).some(({ content }) => content.execution_state === "idle"));
      const types = one.of(id).map(({ header }) => header.msg_type);
      assert.deepEqual(types, ["status", "execute_input", "stream", "status"]);
      assert.ok(!one.replied(id));
    }
    assert.ok(client.replied(mine.id) && other.replied(theirs.id));
  });

  it("ignores forged and malformed messages", async () => {
    const junk = [
      [Buffer.from("<IDS|MSG>"), Buffer.from("0".repeat(64)), ...["{}", "{}", "{}", "{}"].map((s) => Buffer.from(s))],
      [Buffer.from("nonsense")],
      [Buffer.alloc(0)],
    ];
    for (const frames of junk) {
      await client.sendFrames("shell", frames);
      await client.sendFrames("control", frames);
    }
    assert.equal((await client.execute("", {})).reply.status, "ok");
    assert.equal(await client.evaluate("1 + 1"), "2");
  });

  it("says that it does not know a request", async () => {
    for (const type of ["unheard_of_request", "constructor_request"]) {
      const { status, evalue } = await client.request(type);
      assert.deepEqual([status, evalue], ["error", `This kernel does not know the message type "${type}".`]);
    }
    await client.send("shell", "unheard_of_reply", {});
    assert.equal(await client.evaluate("1 + 1"), "2");
  });

  it("answers requests whose fields make no sense", async () => {
    const fields: Record<string, readonly string[]> = {
      execute_request: ["code", "silent", "user_expressions", "allow_stdin", "stop_on_error"],
      complete_request: ["code", "cursor_pos"],
      inspect_request: ["code", "cursor_pos", "detail_level"],
      is_complete_request: ["code"],
      history_request: ["hist_access_type", "n", "pattern", "session", "start", "stop"],
      comm_info_request: ["target_name"],
      debug_request: ["command", "arguments", "seq"],
      interrupt_request: ["x"],
      delete_subshell_request: ["subshell_id"],
    };
    for (const [type, names] of Object.entries(fields)) {
      for (const name of names) {
        for (const value of [null, -5, 1e99, "x", "\ud800", [1], { a: 1 }, true] as const) {
          const reply = await client.request(type, { code: "1", cursor_pos: 1, [name]: value as Json });
          assert.equal(typeof reply.status, type === "debug_request" ? "undefined" : "string", `${type} ${name}`);
        }
      }
    }
    for (const type of ["comm_open", "comm_msg", "comm_close"]) {
      await client.send("shell", type, { comm_id: 7, target_name: null, data: "x" });
    }
    await client.send("stdin", "input_reply", { value: 7 });
    assert.equal(await client.evaluate("1 + 1"), "2");
  });

  it("does what a message says once, however often it comes", async () => {
    const connection = readConnectionFile(kernel.connectionFile);
    await client.ok("let times = 0;");
    const content = { code: "times++", silent: false, store_history: true, user_expressions: {}, allow_stdin: false };
    const frames = new Wire(connection).encode([], { type: "execute_request", content, parent: {} });
    for (let i = 0; i < 3; i++) await client.sendFrames("shell", frames);
    assert.equal(await client.evaluate("times"), "1");
  });

  it("asks for input", async () => {
    const { result } = await client.submit(
      'const token = password("Token:"); const name = prompt("Name", "nobody"); [token, name].join(" ")',
      {
        allowStdin: true,
      },
    );
    for (const [index, value] of ["s3cret", ""].entries()) {
      await client.until(() => client.inputRequests.length > index);
      await client.send("stdin", "input_reply", { value }, client.inputRequests[index]?.header);
    }
    assert.equal((await result).value?.["text/plain"], "'s3cret nobody'");
    assert.deepEqual(client.inputRequests[0]?.content, { prompt: "Token: ", password: true });
  });

  it("asks yes or no", async () => {
    const before = client.inputRequests.length;
    const { result } = await client.submit('[1, 2, 3, 4].map(() => confirm("Sure?"))', { allowStdin: true });
    for (const [index, value] of ["y", "Yes", "n", ""].entries()) {
      await client.until(() => client.inputRequests.length > before + index);
      const request = client.inputRequests[before + index];
      assert.deepEqual(request?.content, { prompt: "Sure? [y/N] ", password: false });
      await client.send("stdin", "input_reply", { value }, request.header);
    }
    assert.equal((await result).value?.["text/plain"], "[ true, true, false, false ]");
  });

  it("asks what a cell asks with readline, in any of its ways", async () => {
    const asked = client.inputRequests.length;
    const { result } = await client.submit(
      `import { promisify } from "node:util"; import * as calls from "node:readline"; import * as answers from "node:readline/promises";
       const streams = { input: process.stdin, output: process.stdout };
       const [one, two] = [calls.createInterface(streams), answers.createInterface(streams)];
       const given = [await two.question("First? "), await new Promise((done) => one.question("Second? ", done))];
       given.push(await promisify(one.question).bind(one)("Third? ")); one.close(); two.close();
       given`,
      { allowStdin: true },
    );
    for (const [index, prompt] of ["First? ", "Second? ", "Third? "].entries()) {
      await client.until(() => client.inputRequests.length > asked + index);
      const request = client.inputRequests[asked + index];
      assert.deepEqual(request?.content, { prompt, password: false });
      await client.send("stdin", "input_reply", { value: `answer ${index}` }, request.header);
    }
    assert.equal((await result).value?.["text/plain"], "[ 'answer 0', 'answer 1', 'answer 2' ]");
  });

  it("has standard input that is at its end, for every cell", async () => {
    for (let i = 0; i < 2; i++) {
      const lines =
        "import { createInterface } from 'node:readline'; let n = 0; for await (const _ of createInterface({ input: process.stdin })) n++; n";
      assert.equal(await client.evaluate(lines), "0");
      assert.equal(
        await client.evaluate("let read = ''; for await (const part of process.stdin) read += part; read"),
        "''",
      );
    }
  });

  it("says so where no input is taken", async () => {
    for (const code of ["prompt('x')", "confirm('x')", "password('x')", ASKS]) {
      const { reply } = await client.execute(code);
      assert.match(String(reply.evalue), /^This front end does not take input\. Pass the value another way/, code);
    }
  });

  it("takes input from the client that was asked, from nobody else", async () => {
    const other = await kernel.connect();
    const asked = client.inputRequests.length;
    const { result } = await client.submit('prompt("whose?")', { allowStdin: true });
    await client.until(() => client.inputRequests.length > asked);
    await other.send("stdin", "input_reply", { value: "theirs" });
    // Answered on the same socket after that reply was read.
    assert.equal((await other.request("kernel_info_request")).status, "ok");
    await client.send("stdin", "input_reply", { value: "mine" }, client.inputRequests.at(-1)?.header);
    assert.equal((await result).value?.["text/plain"], "'mine'");
    assert.equal(other.inputRequests.length, 0);
  });

  it("stops waiting for input when interrupted", async () => {
    const asked = client.inputRequests.length;
    const { result } = await client.submit("prompt('x')", { allowStdin: true });
    await client.until(() => client.inputRequests.length > asked);
    await client.interrupt();
    assert.equal((await result).reply.ename, "KeyboardInterrupt");
  });
});

describe("subshells", () => {
  let kernel: TestKernel;
  let client: TestClient;

  before(async () => {
    kernel = await TestKernel.start();
    client = await kernel.connect();
  });
  after(() => kernel.stop());

  it("are not advertised, and what asks for one is told so", async () => {
    const { supported_features } = await client.request("kernel_info_request");
    assert.deepEqual(supported_features, ["debugger"]);
    const created = await client.request("create_subshell_request", {}, "control");
    assert.equal(created.status, "error");
    assert.match(String(created.evalue), /has no subshells/);
    assert.deepEqual(await client.request("list_subshell_request", {}, "control"), { status: "ok", subshell_id: [] });
    const deleted = await client.request("delete_subshell_request", { subshell_id: "s" }, "control");
    assert.match(String(deleted.evalue), /no subshell "s"/);
  });

  it("do not run cells in the kernel's own stead, and null means the kernel itself", async () => {
    const execute = { code: "globalThis.process.exit(1)", silent: false };
    const refused = await client.request("execute_request", execute, "shell", { subshell_id: "s" });
    assert.equal(refused.status, "error");
    assert.match(String(refused.evalue), /no subshell "s"/);
    const ran = await client.request("execute_request", { ...execute, code: "1" }, "shell", { subshell_id: null });
    assert.equal(ran.status, "ok");
  });
});

describe("two notebooks in one directory", () => {
  it("do not meet: variables, output, input, interrupts", async () => {
    const first = await TestKernel.start();
    const second = await TestKernel.start({ cwd: first.cwd });
    try {
      const [one, two] = [await first.connect(), await second.connect()];
      await Promise.all([one.ok('const mine = "one";'), two.ok('const mine = "two"; const theirs = 2;')]);
      assert.match(String((await one.execute("theirs")).reply.evalue), /Cannot find name 'theirs'/);
      const running = await one.submit("console.log(mine); await new Promise(() => {});");
      await one.until(() => one.of(running.id).some(({ header }) => header.msg_type === "stream"));
      assert.equal((await two.ok("console.log(mine); await new Promise((r) => setTimeout(r, 50));")).stdout, "two\n");
      await one.interrupt();
      assert.equal((await running.result).stdout, "one\n");
      assert.equal(await two.evaluate("theirs"), "2");
    } finally {
      await Promise.all([first.stop(), second.stop()]);
    }
  });
});

describe("transports", () => {
  for (const options of [{ transport: "ipc" as const }, { key: "" }]) {
    it(`runs a cell with ${JSON.stringify(options)}`, async () => {
      const kernel = await TestKernel.start(options);
      try {
        assert.equal(await (await kernel.connect()).evaluate("40 + 2"), "42");
      } finally {
        await kernel.stop();
      }
    });
  }
});
