/** tfjs' kernels on the GPU, through tfjs: the cases that the CPU backends are tested with. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { initBackend } from "../../lib/tensor/backend.js";
import { activeCuda, type CudaBackend } from "../../lib/tensor/cuda/backend.js";
import { CASES, computed } from "../lib/tensor/backend/cases.js";
import { assertNear } from "../lib/tensor/compare.js";
import { cuda, onGpu } from "./device.js";

onGpu("kernels of tfjs", () => {
  let expected: Map<string, Float32Array>;
  let backend: CudaBackend;
  let usual: number;
  before(async () => {
    await initBackend("cpu-native");
    expected = computed();
    await initBackend("cuda");
    backend = activeCuda()!;
    usual = backend.worthwhile;
    backend.worthwhile = 0;
  });
  after(() => {
    if (backend) backend.worthwhile = usual;
  });

  for (const [name, compute] of Object.entries(CASES)) {
    it(name, () => {
      const held = cuda.memory().owners.activations.inUse;
      tf.tidy(() => {
        const result = compute();
        assert.ok(backend.storage(result.dataId).device !== null);
        assertNear(result, expected.get(name)!, 1e-5, name);
      });
      // What tests before this one left behind may be collected meanwhile.
      assert.ok(cuda.memory().owners.activations.inUse <= held);
    });
  }
});
