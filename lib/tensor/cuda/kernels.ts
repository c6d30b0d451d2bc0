/** Which calls of tfjs' kernels run on the GPU; the others are handed to the host. */
import type * as tf from "@tensorflow/tfjs";
import { type Inputs, sizeOf, type TableKernel } from "../backend/kernel.js";
import type { TensorTable } from "../backend/table.js";
import type { CudaBackend } from "./backend.js";
import { DeviceCall } from "./deviceCall.js";

type KernelCall = Parameters<tf.KernelFunc>[0];

/** Multiplications from which a product of tensors on the host is worth the way to the GPU. */
export const WORTHWHILE = 1 << 22;

/**
 * Multiplications of a call. Only products have any to speak of: what touches an element a few times takes the host no
 * longer than sending it.
 */
function multiplications(name: string, inputs: Inputs, attrs: KernelCall["attrs"]): number {
  if (name !== "BatchMatMul" && name !== "_FusedMatMul") return 0;
  return sizeOf(inputs.a!.shape) * inputs.b!.shape.at(attrs?.transposeB ? -2 : -1)!;
}

/** Values stay where they are: the GPU computes what it holds an operand of, and products that are worth the way. */
function belongsThere(backend: CudaBackend, name: string, inputs: Inputs, attrs: KernelCall["attrs"]): boolean {
  // An operand that is optional may be there as undefined.
  const there = Object.values<tf.TensorInfo | undefined>(inputs).some(
    (operand) => operand !== undefined && backend.storage(operand.dataId).device !== null,
  );
  return there || multiplications(name, inputs, attrs) >= backend.worthwhile;
}

/** The kernel on the GPU, or `forwarded` where the GPU has none for a call or the call belongs on the host. */
export function onDevice(
  table: TensorTable,
  name: string,
  kernel: TableKernel,
  forwarded: tf.KernelFunc,
): tf.KernelFunc {
  return (given) => {
    const backend = given.backend as CudaBackend;
    const inputs = given.inputs as Inputs;
    if (!belongsThere(backend, name, inputs, given.attrs)) return forwarded(given);
    const call = new DeviceCall(table, backend, inputs, given.attrs ?? {});
    let result: ReturnType<TableKernel> = null;
    try {
      result = kernel(call);
    } finally {
      call.end(result !== null);
    }
    return result ?? forwarded(given);
  };
}
