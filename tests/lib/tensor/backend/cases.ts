/** Calls of tfjs' kernels on tensors that are larger than those of its suite: divided over threads, with odd lengths. */
import * as tf from "@tensorflow/tfjs";
import { values } from "../tinyLayer.js";

export const random = (shape: number[], seed = 1, scale = 2) =>
  tf.tensor(values(tf.util.sizeFromShape(shape), seed, scale), shape);
const integers = (shape: number[], below: number) => {
  const numbers = values(tf.util.sizeFromShape(shape), 9);
  return tf.tensor(
    Int32Array.from(numbers, (v) => Math.floor(((v + 1) / 2) * below)),
    shape,
    "int32",
  );
};

const bools = (shape: number[], seed = 1) => tf.greater(random(shape, seed), 0);

export const CASES: Readonly<Record<string, () => tf.Tensor>> = {
  "add, same shape": () => tf.add(random([301, 257]), random([301, 257], 2)),
  "add a row": () => tf.add(random([301, 257]), random([257], 2)),
  "divide by a column": () => tf.div(random([301, 257]), random([301, 1], 2)),
  "subtract from a scalar": () => tf.sub(1, random([70_001])),
  "multiply in the middle": () => tf.mul(random([20, 30, 41, 7]), random([30, 1, 7], 2)),
  "outer product": () => tf.mul(random([257, 1]), random([1, 263], 2)),
  "maximum with a scalar": () => tf.maximum(random([70_001]), 0.25),
  power: () => tf.pow(tf.abs(random([40_001])), random([40_001], 2)),
  "compare, as numbers": () => tf.cast(tf.greaterEqual(random([301, 257]), random([257], 2)), "float32"),
  "arc tangent of two": () => tf.atan2(random([301, 257]), random([257], 2)),
  "remainder and whole quotient": () =>
    tf.add(tf.mod(random([301, 257]), random([257], 2)), tf.cast(tf.floorDiv(random([301, 257]), 0.3), "float32")),
  "integers: products, remainders, powers": () =>
    tf.add(
      tf.mul(tf.sub(integers([301, 257], 100), 50), tf.mod(integers([257], 1000), tf.scalar(7, "int32"))),
      tf.pow(integers([301, 1], 6), integers([257], 5)),
    ),
  "integers: quotients and extremes": () =>
    tf.maximum(tf.floorDiv(tf.sub(integers([301, 257], 100), 50), tf.scalar(7, "int32")), tf.scalar(-3, "int32")),
  "sum of tensors": () => tf.addN([random([70_001]), random([70_001], 2), random([70_001], 3)]),
  "logic and choice": () =>
    tf.where(
      tf.logicalOr(tf.logicalAnd(bools([301, 257]), bools([301, 257], 2)), tf.logicalNot(bools([301, 257], 3))),
      random([301, 257], 4),
      random([301, 257], 5),
    ),
  "choice of integers": () => tf.where(bools([70_001]), integers([70_001], 9), tf.zeros([70_001], "int32")),
  "is it a number": () =>
    tf.cast(tf.logicalAnd(tf.isNaN(tf.log(random([70_001]))), tf.isFinite(random([70_001]))), "float32"),
  "to integers and back": () => tf.cast(tf.cast(random([70_001], 1, 50), "int32"), "float32"),
  "zeros, ones and a fill": () =>
    tf.add(tf.add(tf.zerosLike(random([301, 257])), tf.onesLike(random([301, 257]))), tf.fill([301, 257], 3)),
  "one-hot": () => tf.oneHot(integers([301], 40), 37, 2, -1),
  "rarer functions": () => {
    const x = random([10_001], 1, 0.9);
    const given = [tf.asin, tf.atanh, tf.erf, tf.expm1, tf.log1p, tf.selu, tf.softplus, tf.tan, tf.sinh, tf.acosh];
    return tf.stack([...given.slice(0, -1).map((f) => f(x)), tf.acosh(tf.add(tf.abs(x), 1)), tf.round(x), tf.sign(x)]);
  },
  "slopes of a variable": () => tf.prelu(random([301, 257]), random([257], 2)),
  "gradient of activations": () => {
    const total = (x: tf.Tensor) => tf.sum(tf.elu(tf.mul(tf.leakyRelu(x), tf.relu6(tf.sigmoid(x)))));
    return tf.grad(total)(random([301, 257]));
  },
  "gradient of rows and softmax": () => {
    const ids = integers([90], 301);
    const total = (x: tf.Tensor) => tf.mean(tf.mul(tf.logSoftmax(tf.gather(x, ids)), random([90, 57], 2)));
    return tf.grad(total)(random([301, 57]));
  },
  exponential: () => tf.exp(random([70_001], 1, 80)),
  sigmoid: () => tf.sigmoid(random([70_001], 1, 40)),
  "clip to bounds": () => tf.clipByValue(random([70_001]), -0.5, 0.7),
  "sum of all": () => tf.sum(random([301, 257])),
  "sum over rows": () => tf.sum(random([301, 257]), 0),
  "mean over the last axis": () => tf.mean(random([301, 257]), -1, true),
  "maximum over axes apart": () => tf.max(random([20, 33, 41, 7]), [0, 2]),
  "sum over the middle": () => tf.sum(random([20, 330, 41]), 1),
  "place of the largest in rows": () => tf.argMax(random([301, 257]), -1),
  "place of the smallest in columns": () => tf.argMin(tf.round(random([301, 257])), 0),
  "sum of integers": () => tf.sum(integers([301, 257], 1000), 1),
  "number of truths": () => tf.sum(bools([301, 257]), 0),
  "mean of integers": () => tf.mean(integers([301, 257], 1000), [0]),
  "product in columns": () => tf.prod(tf.add(random([30, 257], 1, 0.1), 1), 0),
  "all and any": () => tf.concat([tf.all(bools([3, 257]), 0), tf.any(bools([3, 257], 2), 0)]),
  "extremes of integers": () => tf.add(tf.max(integers([301, 257], 1000), 0), tf.min(integers([301, 257], 1000), 0)),
  "running sum": () => tf.cumsum(random([301, 257]), 1),
  "running sum, exclusive and backwards": () => tf.cumsum(random([301, 57]), 0, true, true),
  "running product": () => tf.cumprod(tf.add(random([30, 257], 1, 0.1), 1), 1),
  softmax: () => tf.softmax(random([301, 257], 1, 30)),
  "transpose of a matrix": () => tf.transpose(random([301, 257])),
  "transpose, heads before rows": () => tf.transpose(random([301, 6, 37]), [1, 0, 2]),
  "transpose of four axes": () => tf.transpose(random([13, 6, 11, 37]), [3, 1, 0, 2]),
  "transpose of integers": () => tf.transpose(integers([301, 257], 1000)),
  "slice of rows": () => tf.slice(random([301, 257]), [17, 0], [200, -1]),
  "slice of columns": () => tf.slice(random([301, 257]), [0, 31], [-1, 100]),
  "slice of truth values": () => tf.cast(tf.slice(tf.greater(random([301, 257]), 0), [5, 5], [90, 80]), "int32"),
  "concat along rows and columns": () =>
    tf.concat([tf.concat([random([101, 257]), random([200, 257], 2)]), random([301, 90], 3)], 1),
  "stack in the middle": () => tf.stack([random([301, 57]), random([301, 57], 2)], 1),
  "split, last part": () => tf.split(random([301, 257]), [100, 157], 1)[1]!,
  pad: () =>
    tf.pad(
      random([301, 257]),
      [
        [3, 1],
        [0, 9],
      ],
      0.5,
    ),
  "slice in steps, backwards": () => tf.stridedSlice(random([31, 40, 57]), [30, 3, 50], [2, 38, 1], [-2, 3, -1]),
  "slice, one row": () => tf.stridedSlice(random([31, 40, 57]), [4, 0, 0], [5, 40, 57], [1, 1, 1], 0, 0, 0, 0, 1),
  unstack: () => tf.unstack(random([31, 7, 57]), 1)[3]!,
  tile: () => tf.tile(random([31, 1, 57]), [2, 40, 3]),
  "pad by reflection": () =>
    tf.concat(
      (["reflect", "symmetric"] as const).map((mode) =>
        tf.mirrorPad(
          random([31, 40, 7]),
          [
            [3, 9],
            [0, 0],
            [6, 1],
          ],
          mode,
        ),
      ),
    ),
  "space to batches and back": () => {
    const folded = tf.spaceToBatchND(
      random([3, 30, 21, 5]),
      [2, 3],
      [
        [1, 1],
        [0, 3],
      ],
    );
    const crops = [
      [1, 0],
      [0, 2],
    ];
    return tf.concat([tf.batchToSpaceND(tf.add(folded, 1), [2, 3], crops).flatten(), folded.flatten()]);
  },
  "depth to space": () => tf.depthToSpace(random([3, 10, 11, 36]) as tf.Tensor4D, 3, "NHWC"),
  diagonal: () => tf.diag(random([13, 7])),
  reverse: () => tf.reverse(random([31, 40, 57]), [0, 2]),
  "gather of rows": () => tf.gather(random([301, 257]), integers([90], 301)),
  "gather of columns": () => tf.gather(random([301, 257]), integers([9, 10], 257), 1),
  "gather of integers": () => tf.gather(integers([301, 30], 1000), integers([90], 301)),
  "gather in batches": () => tf.gather(random([13, 40, 7]), integers([13, 9], 40), 1, 1),
  "gather of truth values": () => tf.cast(tf.gather(bools([301, 30]), integers([90], 301)), "int32"),
  "gather of places": () => tf.gatherND(random([30, 20, 7]), integers([90, 2], 20)),
  "scatter, where some meet": () => tf.scatterND(integers([90, 2], 20), random([90, 7]), [30, 20, 7]),
  "sum by segments": () => tf.unsortedSegmentSum(random([301, 57]), integers([301], 40) as tf.Tensor1D, 37),
  "product of matrices": () => tf.matMul(random([131, 257]), random([257, 90], 2)),
  "product, both transposed": () => tf.matMul(random([257, 131]), random([90, 257], 2), true, true),
  "product in batches": () => tf.matMul(random([6, 131, 57]), random([6, 90, 57], 2), false, true),
  "product with a shared operand": () => tf.matMul(random([6, 131, 57]), random([1, 57, 90], 2)),
  "product with repeated batches": () => tf.matMul(random([2, 3, 31, 57]), random([3, 57, 20], 2)),
  "product with slopes": () =>
    tf.fused.matMul({
      a: random([131, 57]) as tf.Tensor2D,
      b: random([57, 90], 2) as tf.Tensor2D,
      activation: "prelu",
      preluActivationWeights: random([90], 4),
    }),
  "product by its equation": () => tf.einsum("bikl,bljk->jbi", random([3, 31, 7, 5]), random([3, 5, 20, 7], 2)),
  "product with bias and activation": () =>
    tf.fused.matMul({
      a: random([131, 257]) as tf.Tensor2D,
      b: random([257, 90], 2) as tf.Tensor2D,
      bias: random([90], 3),
      activation: "relu",
    }),
};

/** What the active backend computes. */
export function computed(): Map<string, Float32Array> {
  const results = Object.entries(CASES).map(
    ([name, compute]) => [name, tf.tidy(() => Float32Array.from(compute().dataSync()))] as const,
  );
  return new Map(results);
}
