/** Makes the backend "cuda" computable where there is no GPU. */
import * as tf from "@tensorflow/tfjs";
import { loadAddon } from "../../../../lib/native/addon.js";
import { registerCpuNative } from "../../../../lib/tensor/backend/cpuNative.js";
import { initBackend } from "../../../../lib/tensor/backend.js";
import { registerCuda } from "../../../../lib/tensor/cuda/register.js";
import { fakeTables } from "./fakeCuda.js";

/** Registers the backend "cuda" over the fake table, unless there is one already. */
export function registerFakeCuda(): void {
  if (tf.findBackendFactory("cuda") !== null) return;
  const { addon } = loadAddon();
  if (addon === undefined) throw new Error("The fake GPU computes with the native addon, which is not built.");
  registerCpuNative(addon.tensor);
  registerCuda(fakeTables(addon), "cpu-native");
}

/** After the tests of the describe block, the backend is the machine's own again: other files' tests run in this process. */
export function restoreBackendAfterwards(): void {
  after(async () => {
    await initBackend();
  });
}
