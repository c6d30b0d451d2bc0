/** A training run whose process is killed in the middle of a step, and goes on from its checkpoint to the same losses. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

interface Step {
  readonly step: number;
  readonly loss: number;
  readonly gradNorm: number;
}

/** The script beside this module, from the sources or packed. */
function script(): string {
  const places = ["./killedRun.ts", "./killedRun.mjs"].map((name) => fileURLToPath(new URL(name, import.meta.url)));
  return places.find((place) => existsSync(place)) ?? assert.fail("killedRun is missing.");
}

/** Runs it to the end, or until step `killIn` begins; the steps that were done. */
async function run(backend: string, folder: string, how: { resume?: boolean; killIn?: number } = {}): Promise<Step[]> {
  const args = [...process.execArgv, script(), folder, ...(how.resume ? ["resume"] : [])];
  const env = { ...process.env, TUNELAB_BACKEND: backend };
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<NodeJS.Signals | number | null>((resolve) => {
    child.on("close", (code, signal) => resolve(signal ?? code));
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const steps: Step[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    // The library says which profile it runs, too.
    if (!line.startsWith("{")) continue;
    const told = JSON.parse(line) as Step | { readonly begins: number };
    if ("step" in told) steps.push(told);
    else if (told.begins === how.killIn) child.kill("SIGKILL");
  }
  assert.equal(await ended, how.killIn === undefined ? 0 : "SIGKILL", errors);
  return steps;
}

/** Kills a run on `backend` in its fifth step; a checkpoint of the third is there by then. */
export async function killedAndResumed(backend: string): Promise<void> {
  const folders = [1, 2].map(() => mkdtempSync(join(tmpdir(), "tunelab-killed-")));
  const [undisturbed, killed] = folders as [string, string];
  try {
    const expected = await run(backend, undisturbed);
    assert.equal(expected.length, 8);
    const before = await run(backend, killed, { killIn: 5 });
    assert.deepEqual(before, expected.slice(0, before.length));
    assert.ok(before.length < 5, `killed after step ${before.length}`);
    assert.deepEqual(await run(backend, killed, { resume: true }), expected.slice(3));
  } finally {
    for (const folder of folders) rmSync(folder, { recursive: true });
  }
}
