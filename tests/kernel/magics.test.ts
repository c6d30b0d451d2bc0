/** Cells that begin with %%, through the kernel. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { JsonObject } from "../../kernel/protocol/messages.js";
import { type TestClient, TestKernel } from "./client.js";

const TIMES = /CPU times: user .+, sys: .+, total: .+\nWall time: .+\n$/;

/** Whether the process lives; a zombie does not. */
function lives(pid: number): boolean {
  const path = `/proc/${pid}/stat`;
  return existsSync(path) && !/\) Z /.test(readFileSync(path, "utf8"));
}

async function ends(pid: number): Promise<void> {
  for (let tries = 0; lives(pid); tries++) {
    assert.ok(tries < 200, `process ${pid} goes on`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe("magics", () => {
  let kernel: TestKernel;
  let client: TestClient;

  before(async () => {
    kernel = await TestKernel.start();
    client = await kernel.connect();
  });
  after(() => kernel.stop());

  const refusal = async (code: string): Promise<string> => {
    const { reply } = await client.execute(code);
    assert.equal(reply.ename, "UsageError", JSON.stringify(reply));
    return String(reply.evalue);
  };

  describe("%%time", () => {
    it("prints the times after the output, and the value is shown", async () => {
      const { stdout, value } = await client.ok("%%time\nconsole.log('out');\nconst timed = 4;\ntimed + 1");
      assert.match(stdout, new RegExp(`^out\n${TIMES.source}`));
      assert.equal(value?.["text/plain"], "5");
      assert.equal(await client.evaluate("timed"), "4");
    });

    it("prints them also when the cell throws, whose lines stay its own", async () => {
      const { stdout, reply } = await client.execute("%%time\n\nthrow new Error('late');");
      assert.match(stdout, TIMES);
      assert.match(String((reply.traceback as string[])[1]), /Cell \[\d+\], line 3/);
    });

    it("times the other magics", async () => {
      assert.match((await client.ok("%%time\n%%sh\necho x")).stdout, new RegExp(`^x\n${TIMES.source}`));
    });
  });

  describe("%%sh", () => {
    it("prints while it runs, in the notebook's directory, with no input", async () => {
      const { id, result } = await client.submit(
        "%%sh\npwd; cat; echo away >&2\nwhile [ ! -e go ]; do sleep 0.05; done",
      );
      await client.until(() => client.of(id).some(({ content }) => String(content.text).includes(kernel.cwd)));
      writeFileSync(join(kernel.cwd, "go"), "");
      const { stdout, stderr, reply } = await result;
      assert.equal(reply.status, "ok");
      assert.equal(stdout, `${kernel.cwd}\n`);
      assert.equal(stderr, "away\n");
    });

    it("fails with the exit status, unless told not to", async () => {
      const { reply, stdout } = await client.execute("%%bash -e\n[[ a == a ]] && echo yes\n(exit 3)\necho never");
      assert.equal(stdout, "yes\n");
      assert.equal(reply.ename, "ShellError");
      assert.equal(reply.evalue, "bash ended with exit status 3.");
      assert.equal((await client.execute("%%sh\nkill -9 $$")).reply.evalue, "sh was ended by SIGKILL.");
      await client.ok("%%sh --no-raise-error\nexit 3");
    });

    it("sees the environment that cells set, and counts lines as the cell does", async () => {
      await client.ok("process.env.FROM_CELL = 'ö𝒙';");
      assert.equal((await client.ok('%%sh\necho "$FROM_CELL"')).stdout, "ö𝒙\n");
      assert.match((await client.execute("%%bash\n\nnosuchcommand")).stderr, /line 3: nosuchcommand/);
    });

    it("ends with its process group when it is interrupted", async () => {
      const { id, result } = await client.submit("%%sh\ntrap '' INT\nsh -c 'echo $$; sleep 100; true'");
      await client.until(() => client.of(id).some(({ header }) => header.msg_type === "stream"));
      await client.interrupt();
      const { reply, stdout } = await result;
      assert.equal(reply.ename, "KeyboardInterrupt");
      await ends(Number(stdout));
      assert.equal(await client.evaluate("process.env.FROM_CELL"), "'ö𝒙'");
    });

    it("leaves background processes alone when it ends, and shows what they print in its cell", async () => {
      const { id, result } = await client.submit(
        "%%sh\n(while [ ! -e on ]; do sleep 0.05; done; echo later) &\necho now",
      );
      assert.equal((await result).stdout, "now\n");
      await client.ok("require('node:fs').writeFileSync('on', '')");
      await client.until(() => client.of(id).some(({ content }) => content.text === "later\n"));
    });

    it("ends when the process of the cells does, and when the kernel does", async () => {
      const victim = await TestKernel.start();
      try {
        const other = await victim.connect();
        const start = async () => Number((await other.ok("%%sh\nsleep 100 & echo $!")).stdout);
        const first = await start();
        assert.ok(lives(first));
        assert.equal((await other.execute("process.kill(process.pid, 'SIGKILL')")).reply.ename, "RunnerDied");
        await ends(first);
        const second = await start();
        assert.ok(lives(second));
        victim.process.kill("SIGKILL");
        await ends(second);
      } finally {
        await victim.stop();
      }
    });
  });

  it("%%html shows its text, in a frame when asked", async () => {
    const { displays } = await client.ok("%%html\n<b>1 < 2</b>");
    assert.deepEqual(displays, [{ "text/html": "<b>1 < 2</b>" }]);
    const { messages } = await client.ok("%%html --isolated\n<i>x</i>");
    const shown = messages.find(({ header }) => header.msg_type === "display_data");
    assert.deepEqual(shown?.content.metadata, { "text/html": { isolated: true } });
  });

  describe("type errors", () => {
    it("warn in a cell that says so, and later cells know its names", async () => {
      const { stderr, value } = await client.ok("%%check warn\n\nconst loose: number = 'text';\nloose");
      assert.match(
        stripVTControlCharacters(stderr),
        /^Cell \[\d+\], line 3: TS2322 .*\n3 \| const loose: number = 'text';\n {2}\| {7}\^{5}\n$/,
      );
      assert.equal(value?.["text/plain"], "'text'");
      assert.equal(await client.evaluate("loose satisfies number"), "'text'");
      assert.equal((await client.execute("const strict: number = 'text';")).reply.ename, "TypeScriptError");
    });

    it("warn from a cell on that sets it, until one sets it back", async () => {
      assert.equal((await client.ok("%check warn")).stdout, "Type errors are shown, and the cell runs.\n");
      const { stderr, reply } = await client.execute("const after: string = 1;\nnowhere;");
      assert.match(stderr, /TS2322[\s\S]*TS2304/);
      assert.equal(reply.ename, "ReferenceError");
      assert.equal(await client.evaluate("after"), "1");
      assert.equal((await client.execute("%%check error\nconst again: string = 1;")).reply.ename, "TypeScriptError");
      assert.equal((await client.ok("%check error")).stdout, "Type errors stop a cell before it runs.\n");
      assert.equal((await client.execute("const again: string = 1;")).reply.ename, "TypeScriptError");
    });

    it("of syntax always stop the cell", async () => {
      const { reply } = await client.execute("%%check warn\nconst = 3;");
      assert.equal(reply.ename, "TypeScriptError");
      assert.match(stripVTControlCharacters((reply.traceback as string[])[0] ?? ""), /line 2: TS1134/);
    });

    it("warn in all cells when the environment says so", async () => {
      const lenient = await TestKernel.start({ env: { TUNELAB_CHECK: "warn" } });
      try {
        const other = await lenient.connect();
        assert.match((await other.ok("const n: number = 'x';")).stderr, /TS2322/);
        await other.ok("%check error");
        assert.equal((await other.execute("const m: number = 'x';")).reply.ename, "TypeScriptError");
      } finally {
        await lenient.stop();
      }
    });
  });

  describe("of tslab", () => {
    it("make a cell a module, which a later version replaces", async () => {
      await client.ok("/** @module shapes */\nexport const sides = 4;");
      await client.ok('/** @module doubled */\nimport { sides } from "./shapes";\nexport const twice = sides * 2;');
      assert.equal(await client.evaluate('import { twice } from "./doubled"; twice'), "8");
      await client.ok("/** @module shapes */\nexport const sides = 5;");
      assert.equal(await client.evaluate('import { twice } from "./doubled"; twice'), "10");
      const { reply } = await client.execute("/** @module shapes */\nexport const sides: string = 5;");
      assert.match(stripVTControlCharacters((reply.traceback as string[])[0] ?? ""), /^Cell \[\d+\], line 2: TS2322/);
    });

    it("that need a browser are refused with the way out", async () => {
      assert.match(await refusal("/** @browser */\ndocument.title;"), /@browser .* cells run in Node.*%%html/);
      assert.match(await refusal("/** @jsx */\nexport const a = 1;"), /JSX cannot be compiled.*%%html/);
      assert.match(await refusal("const view = <div>text</div>;"), /JSX cannot be compiled/);
    });
  });

  it("that are unknown, misplaced or of another kernel are refused with what there is", async () => {
    assert.match(await refusal("%%tiem\n1"), /no %%tiem\. Did you mean %%time/);
    assert.match(
      await refusal("const a = 1;\n%matplotlib inline"),
      /no %matplotlib\. Leave it out: charts are shown by plot/,
    );
    assert.match(await refusal("%pip install arquero"), /no %pip\. .*npm install NAME in a cell that begins with %%sh/);
    assert.match(await refusal("%%timeit\n1"), /no %%timeit\. Put %%time into the first line/);
    assert.match(await refusal("%%toString\n1"), /no %%toString\. There are %%time/);
    assert.match(await refusal("const a = 1;\n%%time"), /%%time stands in line 2/);
    assert.match(await refusal("!npm install left-pad"), /looks like a shell command\. .*%%sh/);
    assert.match(await refusal("1;\n!ls -la"), /"!ls -la" looks like a shell command/);
  });

  describe("front ends", () => {
    it("complete TypeScript below a magic, at its own position", async () => {
      const code = "%%time\nconst 𝒙 = [1];\n𝒙.fla";
      const { matches, cursor_start, cursor_end } = await client.request("complete_request", {
        code,
        cursor_pos: [...code].length,
      });
      assert.deepEqual(matches, ["flat", "flatMap"]);
      assert.deepEqual([cursor_start, cursor_end], [[...code].length - 3, [...code].length]);
    });

    it("complete magics, and nothing in shell or HTML", async () => {
      const matches = async (code: string) =>
        (await client.request("complete_request", { code, cursor_pos: code.length })).matches;
      assert.deepEqual(await matches("%%t"), ["%%time"]);
      assert.deepEqual(await matches("%%sh\nconsole.l"), []);
    });

    it("inspect below a magic only in TypeScript", async () => {
      const found = async (code: string) =>
        (await client.request("inspect_request", { code, cursor_pos: code.length, detail_level: 0 })).found;
      assert.equal(await found("%%time\nconsole"), true);
      assert.equal(await found("%%sh\nconsole"), false);
    });

    it("debug a cell at its own lines", async () => {
      const code = "%%time\n\nconst held = 1;\nheld + 1";
      const debug = async (command: string, args: JsonObject = {}): Promise<JsonObject> =>
        (await client.request("debug_request", { type: "request", seq: 1, command, arguments: args }, "control"))
          .body as JsonObject;
      await debug("attach");
      const { sourcePath: path } = await debug("dumpCell", { code });
      await debug("setBreakpoints", { source: { path }, breakpoints: [{ line: 4 }] });
      const { result } = await client.submit(code);
      await client.until(() => client.broadcasts.some(({ content }) => content.event === "stopped"));
      const { stackFrames } = await debug("stackTrace", { threadId: 1 });
      assert.deepEqual(
        (stackFrames as JsonObject[]).map(({ line, source }) => [line, (source as JsonObject).path]),
        [[4, path]],
      );
      await debug("disconnect");
      assert.equal((await result).value?.["text/plain"], "2");
    });

    for (const [code, status] of [
      ["%%time", "incomplete"],
      ["%%time\nf(", "incomplete"],
      ["%%time\nf()", "complete"],
      ["%check warn", "complete"],
      ["%%sh", "incomplete"],
      ["%%sh\nls", "incomplete"],
      ["%%sh\nls\n", "incomplete"],
      ["%%sh\nls\n\n", "complete"],
      ["%%nothing", "invalid"],
    ] as const) {
      it(`are told that ${JSON.stringify(code)} is ${status}`, async () => {
        assert.equal((await client.request("is_complete_request", { code })).status, status);
      });
    }
  });
});
