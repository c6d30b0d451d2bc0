/** The process that runs the cells may die in any way; the kernel answers, and goes on with a fresh one. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { type TestClient, TestKernel } from "./client.js";

const DEATHS: Record<string, [code: string, says: RegExp]> = {
  "process.exit": ["process.exit(3)", /ended itself with exit code 3/],
  "kill -9": ["process.kill(process.pid, 'SIGKILL'); await new Promise(() => {})", /was ended by SIGKILL/],
  abort: ["process.abort()", /was aborted, most often because memory ran out/],
};

describe("the death of the client", () => {
  it("ends the kernel", async () => {
    const parent = spawn(process.execPath, ["-e", "setTimeout(() => {}, 500)"]);
    const kernel = await TestKernel.start({ env: { JPY_PARENT_PID: String(parent.pid) } });
    await new Promise((resolve) => kernel.process.once("exit", resolve));
    await kernel.stop();
  });
});

describe("the death of the runner", () => {
  let kernel: TestKernel;
  let client: TestClient;

  beforeEach(async () => {
    kernel = await TestKernel.start();
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

  it("between cells is told at the latest cell", async () => {
    const { id, result } = await client.submit("setTimeout(() => process.exit(0), 20);");
    await result;
    await client.until(() => client.of(id).some(({ content }) => String(content.text).includes("variables are lost")));
    assert.equal(await client.evaluate("1 + 1"), "2");
  });

  it("comes with the kernel's own end", async () => {
    const pid = Number(await client.evaluate("process.pid"));
    await client.request("shutdown_request", { restart: false }, "control");
    await new Promise((resolve) => kernel.process.once("exit", resolve));
    const alive = () => {
      try {
        process.kill(pid, 0);
        return true;
      } catch {
        return false;
      }
    };
    for (let i = 0; i < 100 && alive(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(alive(), false);
  });

  it("comes when the kernel is killed, even while a cell computes", async () => {
    const { id } = await client.submit("console.log(process.pid); while (true) {}");
    const text = () =>
      client
        .of(id)
        .map(({ content }) => String(content.text ?? ""))
        .join("");
    await client.until(() => text().includes("\n"));
    const pid = Number(text());
    kernel.process.kill("SIGKILL");
    const alive = () => {
      try {
        process.kill(pid, 0);
        return true;
      } catch {
        return false;
      }
    };
    for (let i = 0; i < 100 && alive(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(alive(), false);
  });
});
