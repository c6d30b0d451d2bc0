/**
 * The tfjs backend "cpu-native": values in host memory, as tfjs' own cpu backend holds them, the frequent kernels in
 * C++ over OpenBLAS, all others tfjs' own on the same memory.
 */
import * as tf from "@tensorflow/tfjs";
import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { HostCall } from "./hostCall.js";
import type { Inputs } from "./kernel.js";
import { tableKernels } from "./kernels.js";
import { quiet } from "./quiet.js";
import type { TensorTable } from "./table.js";

export const CPU_NATIVE = "cpu-native";

class CpuNativeBackend extends MathBackendCPU {
  constructor() {
    super();
    quiet(this);
  }
}

/** Registers the backend and all its kernels with tfjs; does nothing the second time. */
export function registerCpuNative(table: TensorTable): void {
  if (tf.findBackendFactory(CPU_NATIVE) !== null) return;
  tf.registerBackend(CPU_NATIVE, () => new CpuNativeBackend(), 3);
  for (const config of tf.getKernelsForBackend("cpu")) {
    const kernel = tableKernels[config.kernelName];
    const own: tf.KernelFunc = (call) => {
      const { inputs, attrs, backend } = call;
      const host = new HostCall(table, backend as MathBackendCPU, inputs as Inputs, attrs ?? {});
      return kernel?.(host) ?? config.kernelFunc(call);
    };
    const kernelFunc = kernel === undefined ? config.kernelFunc : own;
    tf.registerKernel({ ...config, backendName: CPU_NATIVE, kernelFunc });
  }
}
