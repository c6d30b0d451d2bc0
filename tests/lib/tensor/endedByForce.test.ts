import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { initBackend } from "../../../lib/tensor/backend.js";
import { restoreEngine } from "../../../lib/tensor/endedByForce.js";

describe("tfjs after code was ended by force", () => {
  it("records gradients and frees what open scopes held", async () => {
    await initBackend("cpu");
    const { state } = tf.engine();
    const before = tf.memory().numTensors;
    const kept = tf.keep(tf.scalar(3));
    tf.engine().startScope();
    tf.engine().startScope();
    tf.scalar(1);
    // As within a kernel that runs in a gradient function, and never returns.
    Object.assign(state, { kernelDepth: 2, gradientDepth: 1, activeTape: [], numDataMovesStack: [1] });
    assert.throws(() => tf.grad((x) => x.square())(kept), /Cannot compute gradient/);
    restoreEngine();
    assert.equal(tf.memory().numTensors, before + 1);
    const slope = tf.grad((x) => x.square())(kept);
    assert.equal(slope.dataSync()[0], 6);
    tf.dispose([kept, slope]);
  });
});
