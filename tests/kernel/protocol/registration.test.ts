/** The handshake at start-up: a kernel that is given a registration file says where it can be found. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Router } from "zeromq";
import { readConnectionFile } from "../../../kernel/protocol/connection.js";
import { KERNEL_ENTRY, TestClient } from "../client.js";

describe("a kernel with a registration file", () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "tunelab-registration-"));
    file = join(directory, "registration.json");
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const sign = (content: Buffer) => createHmac("sha256", "secret").update(content).digest("hex");

  it("registers the ports that it has chosen, and can be spoken to there", async () => {
    const service = new Router({ receiveTimeout: 30_000, linger: 0 });
    await service.bind("tcp://127.0.0.1:*");
    const registration_port = Number(/\d+$/.exec(service.lastEndpoint ?? ""));
    const about = { transport: "tcp", signature_scheme: "hmac-sha256", key: "secret" };
    writeFileSync(
      file,
      JSON.stringify({ ...about, kernel_id: "k-1", registration_ip: "127.0.0.1", registration_port }),
    );
    const kernel = spawn(process.execPath, [KERNEL_ENTRY, file], {
      stdio: "ignore",
      env: { ...process.env, TUNELAB_PRELOAD: "" },
    });
    let client: TestClient | undefined;
    try {
      const [identity, delimiter, signature, content] = await service.receive();
      assert.equal(String(delimiter), "<IDS|MSG>");
      assert.equal(String(signature), sign(content as Buffer));
      const { kernel_id, ...ports } = JSON.parse(String(content)) as Record<string, string>;
      assert.equal(kernel_id, "k-1");
      assert.deepEqual(Object.keys(ports).sort(), [
        "control_port",
        "hb_port",
        "iopub_port",
        "shell_port",
        "stdin_port",
      ]);
      const answer = Buffer.from('{ "status": "ok" }');
      await service.send([identity as Buffer, "<IDS|MSG>", sign(answer), answer]);
      const numbers = Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, Number(port)]));
      writeFileSync(file, JSON.stringify({ ...about, ip: "127.0.0.1", ...numbers }));
      client = new TestClient(file);
      await client.welcome();
      assert.equal(await client.evaluate("1 + 1"), "2");
      assert.equal((await client.request("connect_request")).shell_port, numbers.shell_port);
    } finally {
      client?.close();
      service.close();
      kernel.kill("SIGKILL");
    }
  });

  it("does not start when the answer is forged", async () => {
    const service = new Router({ receiveTimeout: 30_000, linger: 0 });
    await service.bind("tcp://127.0.0.1:*");
    const registration_port = Number(/\d+$/.exec(service.lastEndpoint ?? ""));
    writeFileSync(
      file,
      JSON.stringify({ key: "secret", kernel_id: "k", registration_ip: "127.0.0.1", registration_port }),
    );
    const kernel = spawn(process.execPath, [KERNEL_ENTRY, file], { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    kernel.stderr.on("data", (text: Buffer) => {
      said += text;
    });
    try {
      const ended = new Promise((resolve) => kernel.once("close", resolve));
      const [identity] = await service.receive();
      await service.send([identity as Buffer, "<IDS|MSG>", "0".repeat(64), "{}"]);
      assert.notEqual(await ended, 0);
      assert.match(said, /did not confirm the kernel's ports[\s\S]*the signature does not match/);
    } finally {
      service.close();
      kernel.kill("SIGKILL");
    }
  });

  it("says what a registration file lacks", () => {
    const read = (fields: object) => {
      writeFileSync(file, JSON.stringify({ registration_port: 1, ...fields }));
      return readConnectionFile(file);
    };
    assert.throws(() => read({}), /"registration_ip" or "kernel_id" is missing/);
    assert.throws(() => read({ transport: "ipc" }), /can register over tcp only/);
    assert.equal(read({ kernel_id: "k", registration_ip: "1.2.3.4" }).registration?.address, "tcp://1.2.3.4:1");
  });
});
