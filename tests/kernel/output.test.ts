/** Nothing that a cell shows is lost, out of order, or in another cell. */
import assert from "node:assert/strict";
import { type TestClient, TestKernel } from "./client.js";
import { resident } from "./memory.js";

/** What the kernel may hold of a flood: queues of some megabytes, and garbage. */
const MAX_HELD = 150e6;

describe("output", () => {
  let kernel: TestKernel;
  let client: TestClient;

  before(async () => {
    kernel = await TestKernel.start();
    client = await kernel.connect();
  });
  after(() => kernel.stop());

  const numbered = (lines: number) => Array.from({ length: lines }, (_, i) => `${i}\n`).join("");

  it("brings every one of 20,000 lines, in order, in few messages, and then idle", async () => {
    const { stdout, messages } = await client.ok("for (let i = 0; i < 20_000; i++) console.log(i);");
    assert.equal(stdout, numbered(20_000));
    assert.ok(messages.length < 40, `${messages.length} messages`);
    assert.equal(messages.at(-1)?.content.execution_state, "idle");
  });

  it("brings 1,000,000 lines, in order, keeps none of them, and answers meanwhile", async function () {
    this.timeout(180_000);
    const before = resident(kernel.process.pid ?? 0);
    let most = before;
    let answers = 0;
    const { id, result } = await client.submit("for (let i = 0; i < 1_000_000; i++) console.log(i);");
    while (!client.replied(id)) {
      await client.request("kernel_info_request");
      if (!client.replied(id)) answers++;
      most = Math.max(most, resident(kernel.process.pid ?? 0));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.equal((await result).stdout, numbered(1_000_000));
    assert.ok(answers > 0, "no answer came before the cell's end");
    assert.ok(most - before < MAX_HELD, `${Math.round((most - before) / 1e6)} MB were held`);
  });

  it("brings lines between awaits", async () => {
    const { stdout } = await client.ok("for (let i = 0; i < 3000; i++) { console.log(i); await null; }");
    assert.equal(stdout.split("\n").length, 3001);
  });

  it("keeps one order for text, errors, native writes, child processes and displays", async () => {
    const { messages } = await client.ok(`
      import { writeSync } from "node:fs";
      import { execFileSync } from "node:child_process";
      console.log("one");
      writeSync(1, "two\\n");
      display({ "text/plain": "shown" });
      execFileSync("echo", ["three"], { stdio: "inherit" });
      console.error("four");
      process.stdout.write("five");
      console.log("6".repeat(100_000));
      writeSync(1, "seven\\n");
      "value"`);
    const shown: string[] = [];
    let last: unknown;
    for (const { header, content } of messages) {
      if (!["stream", "display_data", "execute_result"].includes(header.msg_type)) continue;
      const text = String(content.text ?? (content.data as Record<string, unknown>)["text/plain"]);
      // Long text comes in several messages of one stream.
      if (content.name !== undefined && content.name === last) shown.push(`${shown.pop()}${text}`);
      else shown.push(text);
      last = content.name;
    }
    assert.deepEqual(shown, [
      "one\ntwo\n",
      "shown",
      "three\n",
      "four\n",
      `five${"6".repeat(100_000)}\nseven\n`,
      "'value'",
    ]);
  });

  it("brings native stderr to its cell", async () => {
    const { stderr } = await client.ok('import { writeSync as write } from "node:fs"; write(2, "from below\\n");');
    assert.equal(stderr, "from below\n");
  });

  it("keeps characters whole, however they are cut", async () => {
    const { stdout } = await client.ok(
      'process.stdout.write("aé🎉".repeat(5000)); process.stdout.write(Buffer.from("日本"));',
    );
    assert.equal(stdout, `${"aé🎉".repeat(5000)}日本`);
  });

  it("brings a line of 10 MB, and a display of 200 MB whole, and then runs the next cell", async () => {
    const { stdout } = await client.ok('console.log("x".repeat(10e6))');
    assert.equal(stdout.length, 10e6 + 1);
    const { displays } = await client.ok('display({ "text/plain": "x".repeat(200e6) });');
    assert.equal(String(displays[0]?.["text/plain"]).length, 200e6);
    assert.equal(await client.evaluate("1 + 1"), "2");
  });

  it("refuses a display that no string can hold, brings 20,000 small ones, and goes on", async () => {
    const { reply } = await client.execute('display({ "text/plain": "日".repeat(180e6) });');
    assert.match(String(reply.evalue), /^What is shown takes 540 MB as JSON, and a message holds 512 MB\. Show less/);
    const { displays } = await client.ok("for (let i = 0; i < 20_000; i++) display(i);");
    assert.deepEqual(
      displays,
      Array.from({ length: 20_000 }, (_, i) => ({ "text/plain": String(i) })),
    );
  });

  it("turns bytes and surrogates that are no characters into ones that every program can write", async () => {
    const { stdout, displays } = await client.ok(`
      process.stdout.write(Buffer.from([0xff, 0x41, 0xc3]));
      process.stdout.write(Buffer.from([0xa9]));
      process.stdout.write("\\ud800|\\\\ud800");
      display({ "text/plain": "\\udc00 \\ud83c\\udf89" });`);
    assert.equal(stdout, "\ufffdAé\ufffd|\\ud800");
    assert.equal(displays[0]?.["text/plain"], "\ufffd 🎉");
  });

  it("ends a character that was begun with its cell, written by JavaScript or below it", async () => {
    const [own, native] = ["process.stdout.write(begun)", 'require("fs").writeSync(1, begun)'];
    for (const write of [own, native]) {
      assert.equal((await client.ok(`{ const begun = Buffer.from([0x41, 0xc3]); ${write}; }`)).stdout, "A\ufffd");
      assert.equal((await client.ok('console.log("next")')).stdout, "next\n");
    }
  });

  it("of worker threads comes before the cell's end, all of it", async () => {
    const { stdout, stderr, messages } = await client.ok(`
      import { Worker } from "node:worker_threads";
      const code = 'for (let i = 0; i < 20000; i++) console.log(i); console.error("e"); require("fs").writeSync(1, "raw|")';
      await new Promise((done) => new Worker(code, { eval: true }).on("exit", done));`);
    const lines = Array.from({ length: 20_000 }, (_, i) => `${i}\n`).join("");
    assert.equal(stdout.replace("raw|", ""), lines);
    assert.ok(stdout.includes("raw|"));
    assert.equal(stderr, "e\n");
    assert.equal(messages.at(-1)?.content.execution_state, "idle");
  });

  it("of child processes that have the cell's own streams comes before the cell's end", async () => {
    const { stdout, stderr } = await client.ok(`
      import { spawn } from "node:child_process";
      const script = "echo out; echo err >&2; sleep 0.1; echo out; echo err >&2";
      await new Promise((done) => spawn("sh", ["-c", script], { stdio: "inherit" }).on("exit", done));`);
    assert.deepEqual([stdout, stderr], ["out\nout\n", "err\nerr\n"]);
  });

  it("cannot be confused by text that looks like a frame", async () => {
    const { stdout } = await client.ok(
      'process.stdout.write("\\0\\x1eo1,5\\nhello\\0\\x1e"); require("fs").writeSync(1, "\\0\\x1em7\\n");',
    );
    assert.equal(stdout, "\0\x1eo1,5\nhello\0\x1e\0\x1em7\n");
  });

  it("of work in the background belongs to the cell that started it", async () => {
    const { id, result } = await client.submit(`
      void (async () => { for (let i = 0; i < 5; i++) { await new Promise((r) => setTimeout(r, 30)); console.log("tick", i); } })();
      setTimeout(() => display({ "text/plain": "late" }), 100);`);
    await result;
    const { stdout } = await client.ok('console.log("other"); await new Promise((r) => setTimeout(r, 250));');
    assert.equal(stdout, "other\n");
    const text = () =>
      client
        .of(id)
        .map((m) => String(m.content.text ?? ""))
        .join("");
    await client.until(() => text().includes("tick 4"));
    assert.ok(client.of(id).some(({ header }) => header.msg_type === "display_data"));
  });

  it("that an event sets off belongs to the cell that registered for it, or that fired it", async () => {
    const { id, result } = await client.submit(`
      import { spawn } from "node:child_process"; import { EventEmitter } from "node:events"; import { Worker } from "node:worker_threads";
      const child = spawn("sh", ["-c", "read line; echo $line"]);
      child.stdout.on("data", (line) => console.log("child says", String(line).trim()));
      child.once("close", () => console.log("child ends"));
      const worker = new Worker('require("worker_threads").parentPort.once("message", console.log)', { eval: true });
      const emitter = new EventEmitter().on("tell", () => console.log("told"));`);
    await result;
    const { stdout } = await client.ok(`
      emitter.emit("tell");
      const ends = [new Promise((done) => child.on("close", done)), new Promise((done) => worker.on("exit", done))];
      child.stdin.end("hello\\n"); worker.postMessage("from the worker");
      await Promise.all(ends);`);
    assert.equal(stdout, "told\n");
    const late = client.of(id).map(({ content }) => content.text ?? "");
    assert.deepEqual(late.join("").split("\n").sort(), ["", "child ends", "child says hello", "from the worker"]);
  });

  const WAYS: Record<string, string> = {
    "a callback of fs": "stat('/', tell)",
    "a callback in a callback": "open('/', 'r', (_, fd) => close(fd, tell))",
    "a callback of crypto": "randomBytes(8, tell)",
    "a callback of dns": "lookup('localhost', tell)",
    "a message port": "port1.on('message', () => { port1.close(); tell(); }); port2.postMessage(1)",
    "a port's onmessage": "Object.assign(port1, { onmessage: () => { port1.close(); tell(); } }); port2.postMessage(1)",
    "an abort signal": "AbortSignal.timeout(1).addEventListener('abort', tell)",
    "a listener that is an object": "AbortSignal.timeout(1).addEventListener('abort', { handleEvent: tell })",
    "an exception in a callback": "randomBytes(8, () => { done.resolve(); throw new Error('told'); })",
    "an exception in a timer": "setTimeout(() => { done.resolve(); throw new Error('told'); })",
    "an exception in a listener":
      "new Readable({ read() {} }).on('x', fail).emit('x'); function fail() { setImmediate(() => { done.resolve(); throw new Error('told'); }); }",
    "a rejection": "done.resolve(); void Promise.reject(new Error('told'))",
  };
  for (const [name, code] of Object.entries(WAYS)) {
    it(`of ${name} belongs to the cell that it comes from`, async () => {
      const { id, result } = await client.submit(`
        import { close, open, stat } from "node:fs"; import { randomBytes } from "node:crypto"; import { lookup } from "node:dns";
        import { MessageChannel } from "node:worker_threads"; import { Readable } from "node:stream";
        const { port1, port2 } = new MessageChannel();
        const [start, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
        const tell = () => { console.log("told"); done.resolve(); };
        void start.promise.then(() => { ${code} });`);
      assert.equal((await result).reply.status, "ok");
      const { stdout, stderr } = await client.ok("start.resolve(); await done.promise; console.log('mine');");
      await client.until(() => client.of(id).some(({ content }) => /told/.test(String(content.text))));
      assert.deepEqual([stdout, stderr], ["mine\n", ""]);
    });
  }

  it("of listeners on targets ends when they are removed", async () => {
    const { stdout } = await client.ok(`
      const target = new EventTarget(); const heard = () => console.log("heard");
      target.addEventListener("x", heard); target.addEventListener("x", heard); target.dispatchEvent(new Event("x"));
      target.removeEventListener("x", heard); target.dispatchEvent(new Event("x"));
      target.addEventListener("x", heard, { once: true });
      target.dispatchEvent(new Event("x")); target.dispatchEvent(new Event("x"));`);
    assert.equal(stdout, "heard\nheard\n");
  });

  it("keeps no value alive that was printed", async () => {
    await client.ok(`
      import { setFlagsFromString } from "node:v8"; import { runInNewContext } from "node:vm";
      setFlagsFromString("--expose-gc");
      const collect = runInNewContext("gc") as () => void;
      const printed = (() => { const value = { big: true }; console.log(value); return new WeakRef(value); })();`);
    await client.ok("await new Promise((done) => setTimeout(done, 10)); collect();");
    assert.equal(await client.evaluate("printed.deref()"), undefined);
  });

  it("of an error that nobody awaits is shown and harms nothing", async () => {
    const { id, result } = await client.submit(
      'setTimeout(() => { throw new Error("stray"); }, 1); void Promise.reject(new Error("lost")); void Promise.reject(7);',
    );
    await result;
    const text = () =>
      client
        .of(id)
        .map((m) => String(m.content.text ?? ""))
        .join("");
    await client.until(() => text().includes("stray") && text().includes("lost") && text().includes("7"));
    assert.match(text(), /^Uncaught 7$/m);
    assert.equal(await client.evaluate("1 + 1"), "2");
  });
});

describe("display", () => {
  let kernel: TestKernel;
  let client: TestClient;

  before(async () => {
    kernel = await TestKernel.start();
    client = await kernel.connect();
  });
  after(() => kernel.stop());

  it("updates by id", async () => {
    const { messages } = await client.ok(`
      display({ "text/html": "<b>1</b>" }, { displayId: "bar" });
      display({ "text/html": "<b>2</b>" }, { displayId: "bar", update: true });`);
    const shown = messages.filter(({ header }) => header.msg_type.endsWith("display_data"));
    assert.deepEqual(
      shown.map(({ header, content }) => [header.msg_type, content.transient, content.data]),
      [
        ["display_data", { display_id: "bar" }, { "text/html": "<b>1</b>" }],
        ["update_display_data", { display_id: "bar" }, { "text/html": "<b>2</b>" }],
      ],
    );
  });

  it("takes the library's hook", async () => {
    const { messages } = await client.ok(`
      type Hook = (bundle: { data: object; metadata?: object }, options?: { displayId?: string; update?: boolean }) => void;
      const show = (globalThis as unknown as Record<symbol, Hook>)[Symbol.for("tunelab.display")]!;
      show({ data: { "text/plain": "x" }, metadata: { a: 1 } }, { displayId: "h" });`);
    const { content } = messages.find(({ header }) => header.msg_type === "display_data")!;
    assert.deepEqual(content, { data: { "text/plain": "x" }, metadata: { a: 1 }, transient: { display_id: "h" } });
  });

  it("asks a value how it wants to be shown", async () => {
    const { value } = await client.ok(
      '({ async [Symbol.for("Jupyter.display")]() { return { "text/markdown": "**m**", "text/plain": "m" }; } })',
    );
    assert.deepEqual(value, { "text/markdown": "**m**", "text/plain": "m" });
    const late = await client.ok("({ toHTML: async () => '<i>late</i>' })");
    assert.equal(late.value?.["text/html"], "<i>late</i>");
    const kind = await client.ok(
      '(class Kind { static [Symbol.for("Jupyter.display")]() { return { "a/b": "c" }; } })',
    );
    assert.deepEqual(kind.value, { "a/b": "c" });
    const table = await client.ok('import { table } from "arquero"; table({ a: [1, 2] })');
    assert.match(String(table.value?.["text/html"]), /<table>/);
  });

  it("knows Plotly, Vega and pictures by their shape", async () => {
    const types = async (code: string) => Object.keys((await client.ok(code)).value ?? {});
    assert.deepEqual(await types("({ data: [{ y: [1] }], layout: {} })"), [
      "application/vnd.plotly.v1+json",
      "text/plain",
    ]);
    assert.deepEqual(await types('({ $schema: "https://vega.github.io/schema/vega-lite/v5.json", mark: "bar" })'), [
      "application/vnd.vegalite.v5+json",
      "text/plain",
    ]);
    assert.deepEqual(await types("new Uint8Array([0x89, 0x50, 0x4e, 0x47])"), ["image/png", "text/plain"]);
  });

  it("clears, now or at the next output", async () => {
    const { messages } = await client.ok("clearOutput(); clearOutput(true);");
    const cleared = messages.filter(({ header }) => header.msg_type === "clear_output");
    assert.deepEqual(
      cleared.map(({ content }) => content.wait),
      [false, true],
    );
  });

  it("pages", async () => {
    const { reply } = await client.ok('page("a long text")');
    assert.deepEqual(reply.payload, [{ source: "page", start: 0, data: { "text/plain": "a long text" } }]);
  });
});
