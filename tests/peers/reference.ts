/** Runs reference.py in the peers' Python environment; compares what it wrote with what tunelab computes. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../../lib/packageRoot.js";

const SCRIPT = fileURLToPath(new URL("./reference.py", import.meta.url));

export function freshFolder(): string {
  return mkdtempSync(join(tmpdir(), "tunelab-peers-"));
}

/** Runs one command of reference.py on a folder. */
export function reference(command: string, folder: string): void {
  const python = join(packageRoot, ".peers-venv", process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  assert.ok(existsSync(python), "The peers' Python environment is missing: npm test makes it.");
  const result = spawnSync(python, ["-W", "ignore", SCRIPT, command, folder], { encoding: "utf8" });
  assert.equal(result.status, 0, result.stderr);
}

export function readRows(folder: string): number[][] {
  return JSON.parse(readFileSync(join(folder, "rows.json"), "utf8"));
}

export function maxDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(actual.length, expected.length);
  let most = 0;
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs((actual[i] as number) - (expected[i] as number));
    assert.ok(!Number.isNaN(difference), `element ${i} is not a number`);
    most = Math.max(most, difference);
  }
  return most;
}

/** ‖actual - expected‖ / ‖expected‖ */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(actual.length, expected.length);
  let error = 0;
  let norm = 0;
  for (let i = 0; i < actual.length; i++) {
    error += ((actual[i] as number) - (expected[i] as number)) ** 2;
    norm += (expected[i] as number) ** 2;
  }
  return Math.sqrt(error / norm);
}
