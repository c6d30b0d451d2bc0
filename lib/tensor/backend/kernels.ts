/** All kernels over a tensor table, by the names of tfjs; what is not here is tfjs' own on every backend of ours. */
import { conversions } from "./convert.js";
import { einsums } from "./einsum.js";
import { elementwise } from "./elementwise.js";
import { gathers } from "./gather.js";
import type { Kernels } from "./kernel.js";
import { products } from "./matmul.js";
import { reductions } from "./reduction.js";
import { shapes } from "./shape.js";
import { slices } from "./slice.js";
import { spaces } from "./space.js";

export const tableKernels: Kernels = {
  ...elementwise,
  ...conversions,
  ...reductions,
  ...shapes,
  ...slices,
  ...spaces,
  ...gathers,
  ...products,
  ...einsums,
};
