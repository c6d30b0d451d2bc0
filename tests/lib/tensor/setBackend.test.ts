import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { backendReport, initBackend } from "../../../lib/tensor/backend.js";

describe("tf.setBackend", () => {
  // Other files' tests run in this process: this takes the place of what was asked for.
  after(() => initBackend("cpu-native"));

  it("keeps the active backend when another is unknown", async () => {
    await tf.setBackend("cpu");
    await assert.rejects(
      tf.setBackend("webgpu"),
      /Unknown backend "webgpu"\. Use one of: cpu-native, wasm, cpu, cuda\./,
    );
    assert.equal(tf.getBackend(), "cpu");
  });

  it("makes what tfjs knows the active one at once", async () => {
    await tf.setBackend("wasm");
    const set = tf.setBackend("cpu");
    assert.equal(tf.getBackend(), "cpu");
    assert.equal(await set, true);
  });

  it("is heard by the library, until that is asked for another", async () => {
    await tf.setBackend("wasm");
    assert.equal(await initBackend(), "wasm");
    assert.equal(backendReport()?.reason, "tf.setBackend asked for it.");
    await initBackend("cpu");
    assert.notEqual(await initBackend(), "wasm");
  });
});
