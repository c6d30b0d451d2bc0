/** The debugger, as a front end drives it over the control channel. */
import assert from "node:assert/strict";
import type { JsonObject } from "../../kernel/protocol/messages.js";
import { type TestClient, TestKernel } from "./client.js";

const CODE = `function area(w: number, h: number): number {
  const product = w * h;
  return product;
}
interface Box {
  w: number;
}
const box: Box = { w: 3 };
const total = area(box.w, 4);
console.log("total", total);
total`;

interface Frame {
  id: number;
  name: string;
  line: number;
  source: { path: string };
}

describe("debugger", () => {
  let kernel: TestKernel;
  let client: TestClient;
  let path: string;
  let sequence = 0;

  before(async () => {
    kernel = await TestKernel.start();
    client = await kernel.connect();
    await client.ok("const earlier = 'kept';");
  });
  after(() => kernel.stop());

  const ask = (command: string, args: JsonObject = {}) =>
    client.request("debug_request", { type: "request", seq: ++sequence, command, arguments: args }, "control");
  const body = async (command: string, args: JsonObject = {}) => {
    const reply = await ask(command, args);
    assert.equal(reply.success, true, `${command}: ${String(reply.message)}`);
    return reply.body as JsonObject;
  };
  const stops = () =>
    client.broadcasts.filter(({ header, content }) => header.msg_type === "debug_event" && content.event === "stopped");
  const stopped = async (count: number) => {
    await client.until(() => stops().length >= count, 10_000);
    return ((await body("stackTrace", { threadId: 1 })).stackFrames as unknown as Frame[])[0] as Frame;
  };
  const variables = async (frameId: number) => {
    const values: Record<string, unknown> = {};
    const { scopes } = await body("scopes", { frameId });
    for (const { variablesReference } of scopes as { variablesReference: number }[]) {
      const found = (await body("variables", { variablesReference })).variables as { name: string; value: string }[];
      for (const { name, value } of found) values[name] ??= value;
    }
    return values;
  };
  const breakAt = (...lines: number[]) =>
    body("setBreakpoints", { source: { path }, breakpoints: lines.map((line) => ({ line })), sourceModified: false });

  it("starts, and names a cell as front ends do", async () => {
    const info = await body("debugInfo");
    assert.equal(info.isStarted, false);
    assert.equal(info.hashMethod, "Murmur2");
    await body("initialize", { clientID: "test" });
    await body("attach");
    path = String((await body("dumpCell", { code: CODE })).sourcePath);
    assert.match(path, /\d+\.ts$/);
    assert.equal((await body("source", { source: { path } })).content, CODE);
    const { breakpoints } = await breakAt(2, 9);
    assert.deepEqual(
      (breakpoints as JsonObject[]).map(({ verified, line }) => [verified, line]),
      [
        [true, 2],
        [true, 9],
      ],
    );
    await body("configurationDone");
    assert.equal((await body("debugInfo")).isStarted, true);
  });

  it("stops at a line of a cell, shows variables, steps and goes on", async () => {
    const cell = await client.submit(CODE);
    let frame = await stopped(1);
    assert.equal(frame.line, 9);
    assert.equal(frame.source.path, path);
    assert.deepEqual((await body("debugInfo")).stoppedThreads, [1]);
    const seen = await variables(frame.id);
    assert.match(String(seen.box), /Object/);
    assert.equal(seen.earlier, '"kept"');
    assert.equal((await body("evaluate", { expression: "box.w + 1", frameId: frame.id })).result, "4");
    assert.equal((await body("evaluate", { expression: "earlier.length", frameId: frame.id })).result, "4");
    await body("continue", { threadId: 1 });
    frame = await stopped(2);
    assert.equal(frame.name, "area");
    assert.equal(frame.line, 2);
    assert.equal((await variables(frame.id)).w, "3");
    await body("next", { threadId: 1 });
    frame = await stopped(3);
    assert.equal(frame.line, 3);
    assert.equal((await variables(frame.id)).product, "12");
    await body("stepOut", { threadId: 1 });
    frame = await stopped(4);
    assert.equal(frame.name, "cell");
    assert.equal(frame.line, 10);
    await breakAt();
    await body("continue", { threadId: 1 });
    const { value, stdout } = await cell.result;
    assert.equal(value?.["text/plain"], "12");
    assert.equal(stdout, "total 12\n");
    assert.deepEqual((await body("debugInfo")).stoppedThreads, []);
  });

  it("stops in a function of an earlier cell", async () => {
    await breakAt(3);
    const count = stops().length;
    const cell = await client.submit("const again = area(5, 6);\nagain");
    const frame = await stopped(count + 1);
    assert.equal(frame.line, 3);
    await breakAt();
    await body("continue", { threadId: 1 });
    assert.equal((await cell.result).value?.["text/plain"], "30");
  });

  it("shows the notebook's variables while nothing runs", async () => {
    const { variables: found } = await body("inspectVariables");
    const names = Object.fromEntries((found as { name: string; value: string }[]).map((one) => [one.name, one.value]));
    assert.equal(names.earlier, '"kept"');
    assert.equal(names.total, "12");
  });

  it("steps over an await", async () => {
    const code = "await new Promise((r) => setTimeout(r, 20));\nconst later = 1;\nlater";
    path = String((await body("dumpCell", { code })).sourcePath);
    await breakAt(2);
    const count = stops().length;
    const cell = await client.submit(code);
    assert.equal((await stopped(count + 1)).line, 2);
    await body("continue", { threadId: 1 });
    assert.equal((await cell.result).value?.["text/plain"], "1");
  });

  it("lets an interrupt end a cell that stands at a breakpoint", async () => {
    const code = "const waits = 1;\nconst reached = 2;";
    path = String((await body("dumpCell", { code })).sourcePath);
    await breakAt(2);
    const count = stops().length;
    const cell = await client.submit(code);
    await stopped(count + 1);
    await client.interrupt();
    assert.equal((await cell.result).reply.ename, "KeyboardInterrupt");
    assert.equal(await client.evaluate("earlier"), "'kept'");
  });

  it("refuses what it does not know, and ends", async () => {
    const reply = await ask("stepBack");
    assert.equal(reply.success, false);
    assert.match(String(reply.message), /no "stepBack"/);
    await body("disconnect", { restart: false, terminateDebuggee: false });
    assert.equal((await body("debugInfo")).isStarted, false);
    assert.equal((await client.ok(CODE)).value?.["text/plain"], "12");
  });
});
