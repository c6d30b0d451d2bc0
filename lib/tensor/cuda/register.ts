/** Makes the backend "cuda" and its kernels known to tfjs. */
import * as tf from "@tensorflow/tfjs";
import type { Addon } from "../../native/addon.js";
import { tableKernels } from "../backend/kernels.js";
import { CUDA, CudaBackend } from "./backend.js";
import { onDevice, WORTHWHILE } from "./kernels.js";

/** What the addon has for the GPU. */
export type CudaTables = Required<Pick<Addon, "cuda" | "cudaTensor">>;

/**
 * Registers the backend and all its kernels with tfjs, over those of `host`; does nothing the second time.
 *
 * @param worthwhile see CudaBackend
 */
export function registerCuda(
  { cuda, cudaTensor }: CudaTables,
  host: "cpu-native" | "cpu",
  worthwhile = WORTHWHILE,
): void {
  if (tf.findBackendFactory(CUDA) !== null) return;
  tf.registerBackend(CUDA, () => new CudaBackend(cuda, worthwhile), 4);
  for (const config of tf.getKernelsForBackend(host)) {
    const { kernelName, kernelFunc } = config;
    const own = tableKernels[kernelName];
    const either = own === undefined ? kernelFunc : onDevice(cudaTensor, kernelName, own, kernelFunc);
    tf.registerKernel({ ...config, backendName: CUDA, kernelFunc: either });
  }
}
