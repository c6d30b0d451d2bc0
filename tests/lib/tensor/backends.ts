/** tfjs backends as the tests of lib/tensor select them. */
import { initBackend } from "../../../lib/tensor/backend.js";
import type { BackendName } from "../../../lib/tensor/startBackend.js";
import { registerFakeCuda } from "./cuda/register.js";

/** Every backend that the layer ops are tested on; "cuda" over CPU ops, so that its way to the GPU runs everywhere. */
export const BACKENDS: readonly BackendName[] = ["cpu", "wasm", "cpu-native", "cuda"];

export async function use(backend: BackendName): Promise<void> {
  if (backend === "cuda") registerFakeCuda();
  await initBackend(backend);
}
