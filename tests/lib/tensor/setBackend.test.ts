import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import "../../../lib/tensor/setBackend.js";

describe("tf.setBackend", () => {
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
});
