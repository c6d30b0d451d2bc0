import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { ConformanceResult } from "./conformance/runner.js";

const runner = fileURLToPath(new URL("./conformance/runner.ts", import.meta.url));

async function conformance(backend: string): Promise<ConformanceResult> {
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", runner, backend], {
    maxBuffer: 64 * 2 ** 20,
  });
  return JSON.parse(stdout.trimEnd().split("\n").at(-1)!) as ConformanceResult;
}

describe("tfjs' conformance suite", function () {
  this.timeout(300_000);

  /** Ran in full, on this backend: specs of engine and utilities start with no backend at all. */
  function assertRan({ specs, active }: ConformanceResult, backend: string): void {
    assert.ok(specs > 4200, `${specs} specs`);
    assert.deepEqual(Object.keys(active).sort(), [backend, "null"].sort());
    assert.ok(active[backend]! > 3800, `${active[backend]} specs on ${backend}`);
  }

  it("passes on cpu-native, with kernels of the addon", async () => {
    const result = await conformance("cpu-native");
    assert.deepEqual(result.failures, []);
    assertRan(result, "cpu-native");
    assert.ok(result.nativeCalls > 10_000, `${result.nativeCalls} calls`);
  });

  it("passes on cuda, over CPU ops, with all kernels there that it has", async () => {
    const result = await conformance("cuda");
    assert.deepEqual(result.failures, []);
    assertRan(result, "cuda");
    assert.ok(result.cudaCalls > 10_000, `${result.cudaCalls} calls`);
  });

  it("passes on tfjs' cpu backend", async () => {
    const result = await conformance("cpu");
    assert.deepEqual(result.failures, []);
    assertRan(result, "cpu");
  });

  it("fails on wasm exactly where tfjs 4.22.0 does", async () => {
    const result = await conformance("wasm");
    assertRan(result, "wasm");
    const known = JSON.parse(
      readFileSync(new URL("./conformance/wasmFailures.json", import.meta.url), "utf8"),
    ) as string[];
    assert.deepEqual(
      result.failures.map(({ name }) => name),
      known,
    );
  });
});
