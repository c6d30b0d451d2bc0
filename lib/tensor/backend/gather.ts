/** Rows of one axis by their indices. */
import * as tf from "@tensorflow/tfjs";
import { type Kernels, like, type NativeKernel, numbers, result, sizeOf } from "./kernel.js";

const gather: NativeKernel = (call) => {
  const x = call.inputs.x!;
  const indices = call.inputs.indices!;
  const [from, chosen] = [numbers(call, x), numbers(call, indices)];
  if (from === null || from instanceof Uint8Array || !(chosen instanceof Int32Array) || call.attrs.batchDims !== 0) {
    return null;
  }
  const axis = tf.util.parseAxisParam(call.attrs.axis as number, x.shape)[0]!;
  const outer = sizeOf(x.shape.slice(0, axis));
  const inner = sizeOf(x.shape.slice(axis + 1));
  const out = like(from, outer * chosen.length * inner);
  // An index outside of the axis: tfjs' own kernel knows what to say.
  if (!call.native.gather(from, outer, x.shape[axis]!, inner, chosen, out)) return null;
  return result(call, [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)], x.dtype, out);
};

export const gathers: Kernels = { GatherV2: gather };
