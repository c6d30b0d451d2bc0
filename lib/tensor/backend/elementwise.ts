/** Functions of one element or two: arithmetic, comparisons, logic, activations. */
import type * as tf from "@tensorflow/tfjs";
import {
  assertAndGetBroadcastShape,
  broadcastStrides,
  type Call,
  collapse,
  elementType,
  type Kernels,
  MAX_RANK,
  sizeOf,
  type TableKernel,
  view,
} from "./kernel.js";
import {
  BINARY_OF_FLOATS,
  BINARY_OF_NUMBERS,
  COMPARISONS,
  type ElementType,
  LOGIC,
  PREDICATES,
  type TensorTable,
  UNARY_OF_FLOATS,
  UNARY_OF_NUMBERS,
  type Values,
} from "./table.js";

const FLOATS: readonly tf.DataType[] = ["float32"];
const NUMBERS: readonly tf.DataType[] = ["float32", "int32"];
const BOOLS: readonly tf.DataType[] = ["bool"];

type BinaryName =
  | (typeof BINARY_OF_FLOATS | typeof BINARY_OF_NUMBERS | typeof COMPARISONS | typeof LOGIC)[number]
  | "FloorDiv";
type UnaryName = (typeof UNARY_OF_FLOATS | typeof UNARY_OF_NUMBERS | typeof PREDICATES)[number] | "LogicalNot";

/**
 * Runs a binary op over the broadcast shape; null when it has more axes than the table takes. `out` may be an operand of
 * that shape.
 */
export function combine(
  { table }: Call,
  name: BinaryName,
  [a, aShape]: readonly [Values, readonly number[]],
  [b, bShape]: readonly [Values, readonly number[]],
  outShape: readonly number[],
  out: () => Values,
): Values | null {
  const grid = collapse(outShape, [broadcastStrides(aShape, outShape), broadcastStrides(bShape, outShape)]);
  if (grid.shape.length > MAX_RANK) return null;
  const result = out();
  table[name](a, grid.strides[0]!, b, grid.strides[1]!, grid.shape, result);
  return result;
}

/** @param to the result's type; that of the operands when undefined */
function binary(
  name: BinaryName,
  from: readonly tf.DataType[],
  to?: ElementType,
  [first, second]: readonly [string, string] = ["a", "b"],
): TableKernel {
  return (call) => {
    const [a, b] = [call.inputs[first]!, call.inputs[second]!];
    if (!from.includes(a.dtype) || b.dtype !== a.dtype) return null;
    const [left, right] = [call.values(a), call.values(b)];
    if (left === null || right === null) return null;
    const shape = assertAndGetBroadcastShape(a.shape, b.shape);
    const dtype = to ?? (a.dtype as ElementType);
    const out = combine(call, name, [left, a.shape], [right, b.shape], shape, () => call.make(dtype, sizeOf(shape)));
    return out && call.result(shape, dtype, out);
  };
}

/** The attributes that are passed on as parameters. */
const PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  LeakyRelu: ["alpha"],
  Step: ["alpha"],
  ClipByValue: ["clipValueMin", "clipValueMax"],
};

function unary(name: UnaryName, from: readonly tf.DataType[], to?: ElementType): TableKernel {
  return (call) => {
    const x = call.inputs.x!;
    const values = from.includes(x.dtype) ? call.values(x) : null;
    if (values === null) return null;
    const dtype = to ?? (x.dtype as ElementType);
    const out = call.make(dtype, values.length);
    const [first, second] = (PARAMETERS[name] ?? []).map((attribute) => call.attrs[attribute] as number);
    call.table[name](values, out, first, second);
    return call.result(x.shape, dtype, out);
  };
}

/** One addition after the other, from the first. */
const addN: TableKernel = (call) => {
  const terms = Object.values(call.inputs);
  const { dtype, shape } = terms[0]!;
  const type = elementType(dtype);
  if (type === null || type === "bool" || terms.some((term) => term.dtype !== dtype)) return null;
  if (terms.length === 1) return view(call, terms[0]!, shape);
  const values = terms.map((term) => call.values(term));
  if (values.includes(null)) return null;
  const out = call.make(type, sizeOf(shape));
  let sum = values[0]!;
  for (const term of values.slice(1)) sum = combine(call, "Add", [sum, shape], [term!, shape], shape, () => out)!;
  return call.result(shape, dtype, out);
};

const listed = <Name extends keyof TensorTable>(names: readonly Name[], kernel: (name: Name) => TableKernel) =>
  Object.fromEntries(names.map((name) => [name, kernel(name)]));

export const elementwise: Kernels = {
  ...listed(UNARY_OF_FLOATS, (name) => unary(name, FLOATS)),
  ...listed(UNARY_OF_NUMBERS, (name) => unary(name, NUMBERS)),
  ...listed(PREDICATES, (name) => unary(name, FLOATS, "bool")),
  LogicalNot: unary("LogicalNot", BOOLS),
  ...listed(BINARY_OF_FLOATS, (name) => binary(name, FLOATS)),
  ...listed(BINARY_OF_NUMBERS, (name) => binary(name, NUMBERS)),
  FloorDiv: binary("FloorDiv", NUMBERS, "int32"),
  Prelu: binary("Prelu", FLOATS, "float32", ["x", "alpha"]),
  EluGrad: binary("EluGrad", FLOATS, "float32", ["dy", "y"]),
  ...listed(COMPARISONS, (name) => binary(name, [...NUMBERS, ...BOOLS], "bool")),
  ...listed(LOGIC, (name) => binary(name, BOOLS)),
  AddN: addN,
};
