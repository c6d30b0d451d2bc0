/** The addon's kernels for tfjs, typed (lib/native/cpu/tensor_*.cc). All arrays are dense, all strides in elements. */

export type Numbers = Float32Array | Int32Array | Uint8Array;

type Binary<Out> = (
  a: Float32Array,
  aStrides: Int32Array,
  b: Float32Array,
  bStrides: Int32Array,
  shape: Int32Array,
  out: Out,
) => void;
type Unary = (x: Float32Array, out: Float32Array, first?: number, second?: number) => void;
type Reduce = (x: Float32Array, outer: number, reduced: number, inner: number, out: Float32Array) => void;

/** Named as tfjs names its kernels. */
export const ARITHMETIC = [
  "Add",
  "Sub",
  "Multiply",
  "RealDiv",
  "Maximum",
  "Minimum",
  "SquaredDifference",
  "Pow",
] as const;
export const COMPARISONS = ["Equal", "NotEqual", "Greater", "GreaterEqual", "Less", "LessEqual"] as const;
export const UNARY = [
  "Neg",
  "Abs",
  "Square",
  "Sqrt",
  "Rsqrt",
  "Reciprocal",
  "Exp",
  "Expm1",
  "Log",
  "Log1p",
  "Sigmoid",
  "Tanh",
  "Sin",
  "Cos",
  "Floor",
  "Ceil",
  "Relu",
  "Relu6",
  "LeakyRelu",
  "Elu",
  "ClipByValue",
] as const;
export const REDUCTIONS = ["Sum", "Mean", "Prod", "Max", "Min"] as const;

type Named<Names extends readonly string[], T> = { readonly [name in Names[number]]: T };

export interface TensorTable
  extends Named<typeof ARITHMETIC, Binary<Float32Array>>,
    Named<typeof COMPARISONS, Binary<Uint8Array>>,
    Named<typeof UNARY, Unary>,
    Named<typeof REDUCTIONS, Reduce> {
  Softmax(x: Float32Array, rows: number, columns: number, out: Float32Array): void;
  batchMatMul(
    a: Float32Array,
    b: Float32Array,
    out: Float32Array,
    batch: number,
    m: number,
    n: number,
    k: number,
    transposeA: boolean,
    transposeB: boolean,
    sharedA: boolean,
    sharedB: boolean,
  ): void;
  addBias(out: Float32Array, bias: Float32Array): void;
  copy<T extends Numbers>(
    from: T,
    fromStrides: Int32Array,
    fromOffset: number,
    shape: Int32Array,
    to: T,
    toStrides: Int32Array,
    toOffset: number,
  ): void;
  /** False when an index is outside of the axis. */
  gather<T extends Float32Array | Int32Array>(
    from: T,
    outer: number,
    axis: number,
    inner: number,
    indices: Int32Array,
    out: T,
  ): boolean;
}
