/**
 * The tfjs backend "cpu-native": values in host memory, as tfjs' own cpu backend holds them, the frequent kernels in
 * C++ over OpenBLAS, all others tfjs' own on the same memory.
 */
import * as tf from "@tensorflow/tfjs";
import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { elementwise } from "./elementwise.js";
import { gathers } from "./gather.js";
import type { Call, NativeKernel } from "./kernel.js";
import { products } from "./matmul.js";
import { reductions } from "./reduction.js";
import { shapes } from "./shape.js";
import type { TensorTable } from "./table.js";

export const CPU_NATIVE = "cpu-native";

class CpuNativeBackend extends MathBackendCPU {
  constructor() {
    super();
    // tfjs greets the first user of its cpu backend with an advertisement for its Node binding.
    Object.assign(this, { firstUse: false });
  }
}

function withFallback(kernel: NativeKernel, fallback: tf.KernelFunc, native: TensorTable): tf.KernelFunc {
  return ({ inputs, attrs, backend }) =>
    kernel({ inputs, attrs: attrs ?? {}, backend, native } as unknown as Call) ??
    fallback({ inputs, backend, ...(attrs !== undefined && { attrs }) });
}

/** Registers the backend and all its kernels with tfjs; does nothing the second time. */
export function registerCpuNative(native: TensorTable): void {
  if (tf.findBackendFactory(CPU_NATIVE) !== null) return;
  const own: Readonly<Record<string, NativeKernel>> = {
    ...elementwise,
    ...reductions,
    ...shapes,
    ...gathers,
    ...products,
  };
  tf.registerBackend(CPU_NATIVE, () => new CpuNativeBackend(), 3);
  for (const config of tf.getKernelsForBackend("cpu")) {
    const kernel = own[config.kernelName];
    tf.registerKernel({
      ...config,
      backendName: CPU_NATIVE,
      kernelFunc: kernel === undefined ? config.kernelFunc : withFallback(kernel, config.kernelFunc, native),
    });
  }
}
