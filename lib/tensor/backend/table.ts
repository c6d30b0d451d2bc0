/**
 * The kernels that the addon has for tfjs, typed: one table on host memory (lib/native/cpu/tensor_*.cc) and one on the GPU
 * (lib/native/cuda/tensor_*). Arrays are dense, lengths and strides in elements. An op computes in the element type of its
 * operands, which is one for all of them.
 */

/** Elements where a table computes: a typed array, or a buffer on the GPU. */
export interface Values {
  readonly length: number;
}

/** The types of tensors that tables compute with; truth values are the bytes 0 and 1. */
export type ElementType = "float32" | "int32" | "bool";

type Unary = (x: Values, out: Values, first?: number, second?: number) => void;
type Binary = (
  a: Values,
  aStrides: Float64Array,
  b: Values,
  bStrides: Float64Array,
  shape: Float64Array,
  out: Values,
) => void;
/** Over the middle axis of [outer, length, inner]. */
type Reduce = (x: Values, outer: number, length: number, inner: number, out: Values) => void;
type Scan = (
  x: Values,
  outer: number,
  length: number,
  inner: number,
  exclusive: boolean,
  reverse: boolean,
  out: Values,
) => void;

// Names are those of tfjs' kernels; lib/native/tensor_math.h has the same lists.

export const UNARY_OF_FLOATS = [
  "Sqrt",
  "Rsqrt",
  "Reciprocal",
  "Exp",
  "Expm1",
  "Log",
  "Log1p",
  "Sin",
  "Cos",
  "Tan",
  "Asin",
  "Acos",
  "Atan",
  "Sinh",
  "Cosh",
  "Tanh",
  "Asinh",
  "Acosh",
  "Atanh",
  "Erf",
  "Floor",
  "Ceil",
  "Round",
  "Sigmoid",
  "LeakyRelu",
  "Elu",
  "Selu",
  "Softplus",
] as const;
export const UNARY_OF_NUMBERS = ["Neg", "Abs", "Square", "Sign", "Step", "ClipByValue", "Relu", "Relu6"] as const;
/** Of floats, to truth values. */
export const PREDICATES = ["IsNan", "IsInf", "IsFinite"] as const;

export const BINARY_OF_FLOATS = ["RealDiv", "Atan2", "Prelu", "EluGrad"] as const;
export const BINARY_OF_NUMBERS = [
  "Add",
  "Sub",
  "Multiply",
  "Maximum",
  "Minimum",
  "SquaredDifference",
  "Pow",
  "Mod",
] as const;
/** Of floats, integers or truth values, to truth values. */
export const COMPARISONS = ["Equal", "NotEqual", "Greater", "GreaterEqual", "Less", "LessEqual"] as const;
/** Of truth values. */
export const LOGIC = ["LogicalAnd", "LogicalOr"] as const;

/** Mean takes floats only. */
export const REDUCTIONS = ["Sum", "Mean", "Prod", "Max", "Min"] as const;
/** To integers: the first place of the largest, of the smallest. */
export const ARG_REDUCTIONS = ["ArgMax", "ArgMin"] as const;
/** Of truth values. */
export const BOOL_REDUCTIONS = ["All", "Any"] as const;
export const SCANS = ["Cumsum", "Cumprod"] as const;

type Named<Names extends readonly string[], T> = { readonly [name in Names[number]]: T };

export interface TensorTable
  extends Named<typeof UNARY_OF_FLOATS, Unary>,
    Named<typeof UNARY_OF_NUMBERS, Unary>,
    Named<typeof PREDICATES, Unary>,
    Named<typeof BINARY_OF_FLOATS, Binary>,
    Named<typeof BINARY_OF_NUMBERS, Binary>,
    Named<typeof COMPARISONS, Binary>,
    Named<typeof LOGIC, Binary>,
    Named<typeof REDUCTIONS, Reduce>,
    Named<typeof ARG_REDUCTIONS, Reduce>,
    Named<typeof BOOL_REDUCTIONS, Reduce>,
    Named<typeof SCANS, Scan> {
  LogicalNot: Unary;
  /** To the type of `out`. */
  Cast(x: Values, out: Values): void;
  /** Of floats or integers, to integers. */
  FloorDiv: Binary;
  /** Elements of `a` where the condition is true, of `b` elsewhere; all of one length. */
  Select(condition: Values, a: Values, b: Values, out: Values): void;
  Softmax(x: Values, rows: number, columns: number, out: Values): void;
  /** out [batch, m, n] = op(a) op(b); a shared operand has no batch axis. */
  batchMatMul(
    a: Values,
    b: Values,
    out: Values,
    batch: number,
    m: number,
    n: number,
    k: number,
    transposeA: boolean,
    transposeB: boolean,
    sharedA: boolean,
    sharedB: boolean,
  ): void;
  /** Elements of a grid, between arrays of one type. */
  copy(
    from: Values,
    fromStrides: Float64Array,
    fromOffset: number,
    shape: Float64Array,
    to: Values,
    toStrides: Float64Array,
    toOffset: number,
  ): void;
  /** out[b, o, i, :] = from[b, o, indices[b, i], :], zeros for an index outside of the axis. */
  gather(from: Values, batch: number, outer: number, axis: number, inner: number, indices: Values, out: Values): void;
  /** Indices [n, depth] as places in an array of `lengths` [depth]; -1 for one outside. */
  flatIndices(indices: Values, lengths: Float64Array, out: Values): void;
  /** out[s, :] = the sum of the rows x[i, :] with ids[i] = s; ids outside are dropped. */
  segmentSum(x: Values, ids: Values, inner: number, out: Values): void;
  /** out [n, depth]: `on` where an index points, `off` elsewhere. */
  OneHot(indices: Values, on: number, off: number, out: Values): void;
}
