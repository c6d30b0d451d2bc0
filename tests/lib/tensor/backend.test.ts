import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as tf from "@tensorflow/tfjs";
import { packageRoot } from "../../../lib/packageRoot.js";
import { backendReport, initBackend, isBfloat16Supported } from "../../../lib/tensor/backend.js";
import { BACKENDS } from "../../../lib/tensor/startBackend.js";

/** The addon without CUDA, which behaves the same on a machine with a GPU. */
const native = join(packageRoot, "build", "native", "tunelab.node");
const module = fileURLToPath(new URL("../../../lib/tensor/backend.ts", import.meta.url));

/** What initBackend answers in a fresh process with this environment. */
async function answer(
  environment: Record<string, string>,
): Promise<{ name?: string; reason?: string; error?: string }> {
  const code = `
    import { backendReport, initBackend } from ${JSON.stringify(module)};
    try { const name = await initBackend(); console.log(JSON.stringify({ name, reason: backendReport().reason })); }
    catch (error) { console.log(JSON.stringify({ error: error.message })); }`;
  const env = { ...process.env, TUNELAB_BACKEND: "", ...environment };
  const flags = ["--import", "tsx", "--input-type=module", "--eval", code];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, flags, { env });
  assert.equal(stderr, "");
  return JSON.parse(stdout) as { name?: string };
}

describe("plain tfjs", () => {
  it("stays on its backend, with the tensors there, when the library is loaded", async () => {
    const code = `
      import * as tf from "@tensorflow/tfjs";
      await tf.setBackend("cpu");
      console.warn = () => {};
      const before = tf.tensor([1, 2]);
      await import(${JSON.stringify(module)});
      console.log(tf.getBackend(), JSON.stringify(before.add(1).arraySync()));`;
    const flags = ["--import", "tsx", "--input-type=module", "--eval", code];
    const { stdout } = await promisify(execFile)(process.execPath, flags, { cwd: packageRoot });
    assert.equal(stdout, "cpu [2,3]\n");
  });
});

describe("initBackend", () => {
  it("makes the named backend the active one, again and again", async () => {
    for (const name of ["cpu", "wasm", "cpu-native", "cpu"] as const) {
      assert.equal(await initBackend(name), name);
      assert.equal(tf.getBackend(), name);
      assert.equal(backendReport()?.backend, name);
      assert.ok(backendReport()!.threads >= 1);
      assert.equal(isBfloat16Supported(), false);
    }
  });

  it("moves tensors along", async () => {
    await initBackend("cpu-native");
    const x = tf.tensor1d([1, 2, 3]);
    for (const name of BACKENDS.filter((backend) => backend !== "cuda")) {
      await initBackend(name);
      const doubled = tf.add(x, x);
      assert.deepEqual([...(await doubled.data())], [2, 4, 6]);
      doubled.dispose();
    }
    x.dispose();
  });

  it("takes the native one where the addon loads, else wasm, and says why", async () => {
    const compiled = await answer({ TUNELAB_NATIVE: native });
    assert.equal(compiled.name, "cpu-native");
    assert.match(compiled.reason!, /tunelab\.node loads/);
    const without = await answer({ TUNELAB_NATIVE: "0" });
    assert.equal(without.name, "wasm");
    assert.match(without.reason!, /TUNELAB_NATIVE=0/);
  });

  it("does what TUNELAB_BACKEND asks, or refuses", async () => {
    const forced = await answer({ TUNELAB_BACKEND: "cpu" });
    assert.deepEqual([forced.name, forced.reason], ["cpu", "TUNELAB_BACKEND asks for it."]);
    const unknown = await answer({ TUNELAB_BACKEND: "wsam" });
    assert.match(unknown.error!, /Unknown backend "wsam" in TUNELAB_BACKEND\. Did you mean "wasm"\?/);
    const withoutAddon = await answer({ TUNELAB_BACKEND: "cuda", TUNELAB_NATIVE: "0" });
    assert.match(withoutAddon.error!, /"cuda" does not start\. .*TUNELAB_NATIVE=0.*Or use cpu-native or wasm/);
    const withoutCuda = await answer({ TUNELAB_BACKEND: "cuda", TUNELAB_NATIVE: native });
    assert.match(withoutCuda.error!, /"cuda" does not start\. .*built without CUDA.*build:cuda/);
    const missing = await answer({ TUNELAB_BACKEND: "cpu-native", TUNELAB_NATIVE: "0" });
    assert.match(missing.error!, /"cpu-native" does not start.*Or use wasm/);
  });

  it("leaves the process's unhandled errors to whoever runs it", async () => {
    await initBackend("wasm");
    const sources = (["uncaughtException", "unhandledRejection"] as const).flatMap((event) =>
      process.rawListeners(event).map(String),
    );
    assert.ok(sources.every((source) => !/throw (reason|ex)/.test(source)));
  });
});
