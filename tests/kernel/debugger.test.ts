/** The debugger, as a front end drives it over the control channel. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { asObject, type JsonObject } from "../../kernel/protocol/messages.js";
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

  const dump = async (code: string) => {
    path = String((await body("dumpCell", { code })).sourcePath);
  };
  const run = async (code: string, go: () => Promise<unknown>) => {
    const count = stops().length;
    const cell = await client.submit(code);
    const frame = await stopped(count + 1);
    const result = await go();
    await body("continue", { threadId: 1 });
    return { cell: await cell.result, frame, result };
  };
  const named = (found: JsonObject) =>
    Object.fromEntries((found.variables as JsonObject[]).map((one) => [String(one.name), one]));

  it("says where a breakpoint can stop", async () => {
    await dump("interface A {\n  b: 1;\n}\nlet none: number;\nconst some = 1;\n// the end");
    const { breakpoints } = await breakAt(1, 4, 6);
    const [first, second, third] = breakpoints as JsonObject[];
    assert.deepEqual([first?.verified, first?.line], [true, 5]);
    assert.deepEqual([second?.verified, second?.line], [true, 5]);
    assert.equal(third?.verified, false);
    assert.match(String(third.message), /no code at line 6/);
    await breakAt();
  });

  it("stops on the first line once", async () => {
    const code = "const one = 1;\nconst two = one + 1;\ntwo";
    await dump(code);
    await breakAt(1);
    const { result } = await run(code, async () => {
      const count = stops().length;
      await body("next", { threadId: 1 });
      return (await stopped(count + 1)).line;
    });
    assert.equal(result, 2);
    await breakAt();
  });

  const STEPS: Record<string, [code: string, stops: string[]]> = {
    "an await": ["const one = 1;\nawait 0;\nconst two = 2;\ntwo", ["cell 1", "cell 2", "cell 3", "cell 4"]],
    "what has awaited twice": [
      "const later = (n: number) => new Promise<number>((done) => setTimeout(() => done(n), 2));\n" +
        "const both = [await later(1), await later(await later(2))];\nboth",
      ["cell 1", "cell 2", "cell 3"],
    ],
    "an await in a function": [
      "async function slow() {\n  await null;\n  return 1;\n}\nconst got = await slow();\ngot",
      ["slow 2", "slow 3", "cell 5", "cell 6"],
    ],
    "each call of a function that calls itself": [
      "function sum(n: number): number {\n  return n === 0 ? 0 : n + sum(n - 1);\n}\nsum(1)",
      ["sum 2", "sum 2", "sum 2", "cell 4"],
    ],
    "a loop in one line": ["let turns = 0;\nwhile (turns < 2) turns++;\nturns", ["cell 1", "cell 2", "cell 3"]],
    "a loop of two lines": [
      "for (let i = 0; i < 2; i++)\n  await i;\n'end'",
      ["cell 1", "cell 2", "cell 1", "cell 2", "cell 1", "cell 3"],
    ],
  };
  for (const [name, [code, expected]] of Object.entries(STEPS)) {
    it(`takes one step over ${name}`, async () => {
      await dump(code);
      await breakAt(expected[0]?.startsWith("cell") ? 1 : 2);
      const count = stops().length;
      const { id, result } = await client.submit(code);
      const seen: string[] = [];
      for (;;) {
        await client.until(() => stops().length > count + seen.length || client.replied(id), 10_000);
        if (client.replied(id)) break;
        const { name: where, line } = await stopped(count + seen.length + 1);
        seen.push(`${where} ${line}`);
        await body("next", { threadId: 1 });
      }
      assert.deepEqual(seen, expected);
      assert.equal((await result).reply.status, "ok");
      await breakAt();
    });
  }

  it("keeps conditions, hit counts and log points", async () => {
    const code = "let sum = 0;\nfor (let i = 0; i < 6; i++) {\n  sum += i;\n}\nsum";
    await dump(code);
    const source = { path };
    await body("setBreakpoints", { source, breakpoints: [{ line: 3, condition: "i === 4" }] });
    const conditional = await run(code, async () => (await body("evaluate", { expression: "i", frameId: 1 })).result);
    assert.equal(conditional.result, "4");
    await body("setBreakpoints", { source, breakpoints: [{ line: 3, hitCondition: "3" }] });
    const counted = await run(code, async () => (await body("evaluate", { expression: "i", frameId: 1 })).result);
    assert.equal(counted.result, "2");
    await body("setBreakpoints", { source, breakpoints: [{ line: 3, logMessage: "i is {i}" }] });
    assert.match((await client.ok(code)).stdout, /i is 0\ni is 1\n/);
    const { breakpoints } = await body("setBreakpoints", { source, breakpoints: [{ line: 3, hitCondition: "often" }] });
    assert.equal((breakpoints as JsonObject[])[0]?.verified, false);
    await breakAt();
  });

  it("knows the names of earlier cells in conditions and log points", async () => {
    await client.ok("const limit = { at: 3 };");
    const code = "let sum = 0;\nfor (let i = 0; i < 6; i++) {\n  sum += i;\n}\nsum";
    await dump(code);
    const source = { path };
    await body("setBreakpoints", { source, breakpoints: [{ line: 3, condition: "i === limit.at" }] });
    const stop = await run(code, async () => (await body("evaluate", { expression: "i", frameId: 1 })).result);
    assert.equal(stop.result, "3");
    const logMessage = "{i} of {limit.at}, {limit.of.no}";
    await body("setBreakpoints", { source, breakpoints: [{ line: 3, logMessage }] });
    assert.match((await client.ok(code)).stdout, /^0 of 3, TypeError: Cannot read .*\n1 of 3, /);
    await breakAt();
  });

  it("steps into a function of an earlier cell, and shows nothing of what TypeScript adds", async () => {
    await client.ok("function plusOne(n: number) {\n  const more = n + 1;\n  return more;\n}");
    const code = "using end = { [Symbol.dispose]() {} };\nconst one = plusOne(0);\none";
    await dump(code);
    await breakAt(2);
    const { cell } = await run(code, async () => {
      const names = Object.keys(await variables(1));
      assert.deepEqual(names.slice(0, 2), ["end", "one"]);
      assert.ok(!names.some((name) => /^(?:__|env_)/.test(name)), String(names));
      const count = stops().length;
      await body("stepIn", { threadId: 1 });
      const { name, line } = await stopped(count + 1);
      assert.deepEqual([name, line], ["plusOne", 2]);
    });
    assert.equal(cell.value?.["text/plain"], "1");
    await breakAt();
  });

  it("opens values step by step, and sets them", async () => {
    const code = `class Point { #secret = 1; constructor(public x: number) {} get double() { return this.x * 2 + this.#secret; } }
function look() {
  let count = 5;
  const length = { 0: 'kept' };
  const big = Array.from({ length: 1000 }, (_, i) => i);
  const map = new Map([["a", 1]]);
  const set = new Set([7]);
  const point = new Point(3);
  return [count, length, big, map, set, point];
}
look()[0]`;
    await dump(code);
    await breakAt(9);
    const { cell } = await run(code, async () => {
      const { scopes } = await body("scopes", { frameId: 1 });
      const [local] = scopes as JsonObject[];
      const reference = local?.variablesReference ?? 0;
      const open = async (one: JsonObject | undefined) =>
        named(await body("variables", { variablesReference: one?.variablesReference ?? 0 }));
      const { big, map, set, point, count, length } = named(await body("variables", { variablesReference: reference }));
      assert.equal(count?.value, "5");
      // A front end shows the type of what can be opened, and the value of what cannot.
      assert.equal(count.type, undefined);
      assert.equal((await open(length))["0"]?.value, '"kept"');
      assert.equal(big?.indexedVariables, 1000);
      const parts = await open(big);
      assert.equal(Object.keys(parts).length, 10);
      assert.equal((await open(parts["[100..199]"]))["150"]?.value, "150");
      const page = await body("variables", { variablesReference: big?.variablesReference ?? 0, start: 990, count: 5 });
      assert.deepEqual(Object.keys(named(page)), ["990", "991", "992", "993", "994"]);
      assert.equal((await open(map))['"a"']?.value, "1");
      assert.equal((await open(set))["0"]?.value, "7");
      assert.equal(point?.type, "Point");
      const fields = await open(point);
      assert.equal(fields["#secret"]?.value, "1");
      assert.equal(fields.double?.value, "(...)");
      assert.equal((await open(fields.double)).double?.value, "7");
      const changed = await body("setVariable", { variablesReference: reference, name: "count", value: "40 + 2" });
      assert.equal(changed.value, "42");
      assert.equal((await body("evaluate", { expression: "count + earlier.length", frameId: 1 })).result, "46");
      const rich = await body("richInspectVariables", { variableName: "point", frameId: 1 });
      assert.match(String((rich.data as JsonObject)["text/plain"]), /Point \{ x: 3 \}/);
      const hover = await ask("evaluate", { expression: "count++", frameId: 1, context: "hover" });
      assert.equal(hover.success, false);
      const absent = await ask("evaluate", { expression: "nowhere + count", frameId: 1 });
      assert.match(String(absent.message), /nowhere is not defined/);
    });
    assert.equal(cell.value?.["text/plain"], "42");
    await breakAt();
  });

  it("stops where an exception ends the cell, and nowhere else", async () => {
    await body("setExceptionBreakpoints", { filters: ["uncaught"] });
    const code = `const risky = async () => { await 1; throw new RangeError("too far"); };
try { await risky(); } catch {}
await Promise.resolve(1);
await risky();`;
    const { result, frame, cell } = await run(code, () => body("exceptionInfo", { threadId: 1 }));
    assert.equal(frame.line, 1);
    assert.equal(asObject(stops().at(-1)?.content.body).reason, "exception");
    const info = result as JsonObject;
    assert.equal(info.exceptionId, "RangeError");
    assert.equal(info.description, "RangeError: too far");
    assert.equal(cell.reply.ename, "RangeError");
    const count = stops().length;
    await client.ok("try { await risky(); } catch {}");
    assert.equal(stops().length, count);
    await body("setExceptionBreakpoints", { filters: ["all"] });
    const caught = await run("try { await risky(); } catch {}\n'on'", async () => {});
    assert.equal(caught.cell.value?.["text/plain"], "'on'");
    const { breakpoints } = await body("setExceptionBreakpoints", { filters: ["sometimes"] });
    assert.equal((breakpoints as JsonObject[])[0]?.verified, false);
    await client.execute("throw new Error('seen by nobody')");
    assert.equal((await ask("exceptionInfo", { threadId: 1 })).success, false);
  });

  it("stops in a local file that a cell imports", async () => {
    const file = join(kernel.cwd, "helper.ts");
    writeFileSync(
      file,
      "interface Unused {\n  a: 1;\n}\nexport function twice(n: number): number {\n  return n * 2;\n}\n",
    );
    await client.ok('import { twice } from "./helper";\ntwice(1)');
    path = file;
    const { modules } = await body("modules");
    assert.deepEqual(
      (modules as JsonObject[]).map((one) => one.path),
      [file],
    );
    assert.match(String((await body("source", { source: { path } })).content), /Unused/);
    await breakAt(5);
    const { frame, cell } = await run("twice(21)", async () => {});
    assert.equal(frame.line, 5);
    assert.equal(frame.source.path, file);
    assert.equal(cell.value?.["text/plain"], "42");
    await breakAt();
  });

  it("pauses a cell that runs, and goes on when it is turned off", async () => {
    const count = stops().length;
    const cell = await client.submit(
      "let turns = 0; let on = true; console.log('go');\nwhile (on) {\n  turns++;\n  await new Promise((r) => setTimeout(r, 2));\n}\nturns > 0",
    );
    await client.until(() => client.of(cell.id).some(({ header }) => header.msg_type === "stream"));
    await body("pause", { threadId: 1 });
    await stopped(count + 1);
    await body("evaluate", { expression: "on = false", frameId: 1 });
    await body("disconnect", { restart: false, terminateDebuggee: false });
    assert.equal((await cell.result).value?.["text/plain"], "true");
    assert.equal((await body("debugInfo")).isStarted, false);
    await body("initialize");
    await body("attach");
    await dump(CODE);
    await breakAt(9);
    const again = await run(CODE, async () => {});
    assert.equal(again.frame.line, 9);
    assert.equal(again.cell.value?.["text/plain"], "12");
  });

  it("refuses what it does not know, and ends", async () => {
    const reply = await ask("stepBack");
    assert.equal(reply.success, false);
    assert.match(String(reply.message), /no "stepBack"/);
    assert.match(String((await ask("copyToGlobals", {})).message), /cannot be copied/);
    assert.match(String((await ask("next")).message), /No cell is stopped/);
    await body("disconnect", { restart: false, terminateDebuggee: false });
    assert.equal((await body("debugInfo")).isStarted, false);
    assert.equal((await client.ok(CODE)).value?.["text/plain"], "12");
  });
});
