/**
 * einsum as one product of matrices: tfjs' own kernel multiplies tensors that are as large as all dimensions together and
 * sums them afterwards.
 */
import * as tf from "@tensorflow/tfjs";
import { type Call, type Kernels, sizeOf, type TableKernel } from "./kernel.js";
import { transposed } from "./layout.js";
import type { Values } from "./table.js";

const { decodeEinsumEquation, checkEinsumDimSizes } = tf.backend_util;

/** Elements whose axes are `from`, in the order `to`; both name dimensions. */
function ordered(
  call: Call,
  values: Values,
  from: readonly number[],
  to: readonly number[],
  lengths: readonly number[],
): Values | null {
  if (from.join() === to.join()) return values;
  const shape = from.map((dim) => lengths[dim]!);
  const perm = to.map((dim) => from.indexOf(dim));
  return transposed(call, values, shape, perm);
}

const einsum: TableKernel = (call) => {
  const tensors = Object.values(call.inputs);
  const { allDims, summedDims, idDims } = decodeEinsumEquation(call.attrs.equation as string, tensors.length);
  checkEinsumDimSizes(allDims.length, idDims, tensors as tf.Tensor[]);
  if (tensors.length !== 2 || tensors.some(({ dtype }) => dtype !== "float32")) return null;
  const [ofA, ofB] = idDims as [number[], number[]];
  const lengths: number[] = [];
  for (const [i, dims] of idDims.entries())
    for (const [axis, dim] of dims.entries()) lengths[dim] = tensors[i]!.shape[axis]!;
  // Dimensions of the result come first, those that are summed last.
  const outDims = allDims.map((_, dim) => dim).filter((dim) => !summedDims.includes(dim));
  const shared = outDims.filter((dim) => ofA.includes(dim) && ofB.includes(dim));
  const rows = outDims.filter((dim) => !ofB.includes(dim));
  const columns = outDims.filter((dim) => !ofA.includes(dim));
  if (summedDims.some((dim) => !(ofA.includes(dim) && ofB.includes(dim)))) return null;
  const given = call.alike(tensors);
  if (given === null) return null;
  const [a, b] = given as [Values, Values];
  const left = ordered(call, a, ofA, [...shared, ...rows, ...summedDims], lengths);
  const right = ordered(call, b, ofB, [...shared, ...summedDims, ...columns], lengths);
  if (left === null || right === null) return null;
  const [batch, m, n, k] = [shared, rows, columns, summedDims].map((dims) =>
    sizeOf(dims.map((dim) => lengths[dim]!)),
  ) as [number, number, number, number];
  const product = call.make("float32", batch * m * n);
  call.table.batchMatMul(left, right, product, batch, m, n, k, false, false, false, false);
  const out = ordered(call, product, [...shared, ...rows, ...columns], outDims, lengths);
  const shape = outDims.map((dim) => lengths[dim]!);
  return out && call.result(shape, "float32", out);
};

export const einsums: Kernels = { Einsum: einsum };
