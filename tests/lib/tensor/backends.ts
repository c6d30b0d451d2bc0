/** tfjs backends as the tests of lib/tensor select them. */
import { type BackendName, initBackend } from "../../../lib/tensor/backend.js";

/** Every backend that the layer ops are tested on. */
export const BACKENDS: readonly BackendName[] = ["cpu", "wasm", "cpu-native"];

export async function use(backend: BackendName): Promise<void> {
  await initBackend(backend);
}
