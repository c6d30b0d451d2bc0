/** CurveZMQ: a kernel that was given keys speaks only to clients that have the public one. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { curveKeyPair } from "zeromq";
import { readConnectionFile } from "../../kernel/protocol/connection.js";
import { jupyterData, runPython } from "./jupyter.js";

describe("an encrypted kernel", () => {
  let data: string;
  before(() => {
    data = jupyterData();
  });
  after(() => rmSync(data, { recursive: true }));

  for (const transport of ["tcp", "ipc"]) {
    it(`works with jupyter_client over ${transport}, and tells nothing to a client without keys`, async () => {
      const { stdout } = await runPython("encryption.py", { data, args: [transport] });
      assert.equal(stdout, "encrypted True\noverheard False\nrestarted ok\n");
    });
  }
});

describe("keys in a connection file", () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "tunelab-keys-"));
  });
  after(() => rmSync(directory, { recursive: true }));

  const ports = { shell_port: 1, iopub_port: 2, stdin_port: 3, control_port: 4, hb_port: 5 };
  const read = (keys: object) => {
    const path = join(directory, "connection.json");
    writeFileSync(path, JSON.stringify({ ...ports, key: "k", ...keys }));
    return readConnectionFile(path).curve;
  };

  it("are both there, or neither", () => {
    const { publicKey, secretKey } = curveKeyPair();
    assert.equal(read({}), undefined);
    assert.deepEqual(read({ curve_publickey: publicKey, curve_secretkey: secretKey }), { publicKey, secretKey });
    assert.throws(() => read({ curve_publickey: publicKey }), /"curve_secretkey" in .* is no key/);
    assert.throws(() => read({ curve_secretkey: secretKey }), /"curve_publickey" in .* is no key/);
  });

  it("are refused when they cannot be keys, rather than left out", () => {
    const { publicKey } = curveKeyPair();
    for (const key of ["", "short", "ü".repeat(40), 7]) {
      assert.throws(() => read({ curve_publickey: publicKey, curve_secretkey: key }), /is no key of CurveZMQ/);
    }
  });
});
