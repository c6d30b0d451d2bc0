/**
 * Puts one backend under tfjs' conformance suite; imported before the specs are.
 *
 * CONFORMANCE_BACKEND names the backend, CONFORMANCE_ADDON the addon's file, CONFORMANCE_WASM the folder of wasm files;
 * with CONFORMANCE_FAKE_GPU the backend "cuda" computes with CPU ops.
 */
import { createRequire } from "node:module";
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { setTestEnvs, setupTestFilters } from "@tensorflow/tfjs-core/dist/jasmine_util.js";
import type { Addon } from "../../../../lib/native/addon.js";
import { registerCpuNative } from "../../../../lib/tensor/backend/cpuNative.js";
import type { TensorTable } from "../../../../lib/tensor/backend/table.js";
import { type CudaTables, registerCuda } from "../../../../lib/tensor/cuda/register.js";
import { fakeTables } from "../cuda/fakeCuda.js";

const {
  CONFORMANCE_BACKEND: backend = "",
  CONFORMANCE_ADDON: addon,
  CONFORMANCE_FAKE_GPU: fake,
  CONFORMANCE_WASM: wasm,
} = process.env;

/** Read by the runner: specs that began on each backend, and ops of the addon's tables. */
const seen = { specs: {} as Record<string, number>, nativeCalls: 0, cudaCalls: 0 };
Object.assign(globalThis, { conformance: seen });

/** The same table; its ops are counted. */
function counted(table: TensorTable, as: "nativeCalls" | "cudaCalls"): TensorTable {
  return new Proxy(table, {
    get(ops, name) {
      seen[as]++;
      return ops[name as keyof TensorTable];
    },
  });
}

if (wasm) setWasmPaths(wasm);
if (addon) {
  const loaded = createRequire(addon)(addon) as Addon;
  registerCpuNative(counted(loaded.tensor, "nativeCalls"));
  const { cuda, cudaTensor } = fake ? fakeTables(loaded) : (loaded as CudaTables);
  // Specs are small: with the usual rule hardly any would reach the GPU.
  if (backend === "cuda") registerCuda({ cuda, cudaTensor: counted(cudaTensor, "cudaCalls") }, "cpu-native", 0);
}

setTestEnvs([{ name: backend, backendName: backend, isDataSync: true }]);
setupTestFilters([], (name: string) => !name.includes("computation in worker"));
beforeEach(() => {
  const active = tf.getBackend();
  seen.specs[active] = (seen.specs[active] ?? 0) + 1;
});
