/** Kernels of the backend "cuda", over CPU ops: which run on the GPU, and that nothing waits for it but a read. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { activeCuda, type CudaBackend } from "../../../../lib/tensor/cuda/backend.js";
import { CASES, computed, random } from "../backend/cases.js";
import { use } from "../backends.js";
import { assertNear } from "../compare.js";
import { values } from "../tinyLayer.js";
import { counts, heldBytes, resetCounts, setLimit } from "./fakeCuda.js";
import { restoreBackendAfterwards } from "./register.js";

describe("kernels of cuda, over CPU ops", () => {
  let backend: CudaBackend;
  let expected: Map<string, Float32Array>;
  let usual: number;
  restoreBackendAfterwards();
  before(async () => {
    await use("cpu-native");
    expected = computed();
    await use("cuda");
    backend = activeCuda()!;
    usual = backend.worthwhile;
  });
  afterEach(() => {
    backend.worthwhile = usual;
  });

  for (const [name, compute] of Object.entries(CASES)) {
    it(`compute on the GPU and give the memory back: ${name}`, () => {
      backend.worthwhile = 0;
      const held = heldBytes();
      tf.tidy(() => {
        resetCounts();
        const result = compute();
        assert.ok(Object.keys(counts.tensorOps).length > 0);
        assert.equal(counts.waits, 0);
        assert.ok(backend.storage(result.dataId).device !== null);
        assertNear(result, expected.get(name)!, 1e-6, name);
      });
      assert.equal(heldBytes(), held);
    });
  }

  it("leave tensors of the host there, but for large products", () => {
    resetCounts();
    tf.tidy(() => {
      const x = random([300, 300]) as tf.Tensor2D;
      const y = tf.add(tf.matMul(tf.slice(x, [0, 0], [100, 300]), x), 1);
      assert.deepEqual(counts.tensorOps, { batchMatMul: 1, Add: 1 });
      assert.equal(backend.storage(y.dataId).device?.dtype, "f32");
      const small = tf.matMul(
        tf.slice(random([300, 300]) as tf.Tensor2D, [0, 0], [10, 300]),
        random([300, 300]) as tf.Tensor2D,
      );
      assert.equal(backend.storage(small.dataId).device, null);
    });
  });

  it("compute where an operand is, whatever the host knows of it", async () => {
    const x = tf.tensor1d(values(100, 1));
    backend.buffer(x);
    const y = tf.square(x);
    await y.data();
    resetCounts();
    const chosen = tf.where(tf.greater(y, 0.25), y, tf.zerosLike(y));
    const whole = tf.cast(tf.mul(chosen, 10), "int32");
    assert.deepEqual(Object.keys(counts.tensorOps).sort(), ["Cast", "Greater", "Multiply", "Select"]);
    assert.equal(counts.waits, 0);
    assert.deepEqual([whole.dtype, backend.storage(whole.dataId).device?.dtype], ["int32", "i32"]);
    const plain = values(100, 1).map((v) => Math.fround(v * v));
    assert.deepEqual(
      [...whole.dataSync()],
      [...plain].map((v) => (v > 0.25 ? Math.floor(v * 10) : 0)),
    );
    tf.dispose([x, y, chosen, whole]);
  });

  for (const half of ["bf16", "f16"] as const) {
    it(`move ${half} as it lies, and compute with it in float32`, () => {
      const { cuda } = backend;
      const held = heldBytes();
      const x = backend.tensor(cuda.upload(values(12, 1), { dtype: half }), [3, 4]);
      const rounded = x.dataSync().slice();
      const typeOf = (tensor: tf.Tensor) => backend.storage(tensor.dataId).device?.dtype;
      tf.tidy(() => {
        const turned = tf.transpose(x);
        const rows = tf.gather(x, tf.tensor1d([2, 0], "int32"));
        assert.deepEqual([turned, rows].map(typeOf), [half, half]);
        assert.deepEqual([...rows.dataSync()], [...rounded.slice(8), ...rounded.slice(0, 4)]);
        const mixed = tf.concat([x, tf.ones([1, 4])]);
        const sum = tf.add(x, 1);
        assert.deepEqual([mixed, sum].map(typeOf), ["f32", "f32"]);
        assert.deepEqual([...mixed.dataSync()], [...rounded, 1, 1, 1, 1]);
        resetCounts();
        const product = tf.matMul(x as tf.Tensor2D, turned as tf.Tensor2D);
        assert.deepEqual([typeOf(product), counts.ops.copy], ["f32", undefined]);
      });
      x.dispose();
      assert.equal(heldBytes(), held);
    });
  }

  it("know indices outside of an axis where the host does, in tfjs' words", () => {
    const x = random([5, 2]);
    backend.buffer(x);
    assert.throws(() => tf.gather(x, tf.tensor1d([7], "int32")), /7 is not in \[0, 4\]/);
    const places = tf.argMax(random([2, 9]), 1);
    backend.worthwhile = 0;
    const onDevice = tf.add(places, tf.scalar(100, "int32"));
    resetCounts();
    const rows = tf.gather(x, onDevice);
    assert.equal(counts.waits, 0);
    assert.deepEqual([...rows.dataSync()], [0, 0, 0, 0]);
    tf.dispose([x, places, onDevice, rows]);
  });

  it("change nothing for tensors that share elements", () => {
    backend.worthwhile = 0;
    tf.tidy(() => {
      const x = random([4, 6]);
      const same = tf.stridedSlice(x, [0, 0], [4, 6], [1, 1]);
      const variable = tf.variable(same);
      const before = [...x.dataSync()];
      backend.cuda.fill(backend.ownBuffer(variable, "adapters"), 5);
      assert.deepEqual([...x.dataSync()], before);
      assert.deepEqual([...variable.dataSync()], new Array(24).fill(5));
      variable.dispose();
    });
  });

  it("give everything back when memory runs out in the middle", () => {
    const x = random([64, 96]);
    backend.buffer(x);
    const held = heldBytes();
    for (const [compute, bytes] of [
      [() => tf.split(x, 3, 1), 2.5 * 64 * 32 * 4],
      [() => tf.sum(tf.reshape(x, [16, 4, 96]), [0, 2]), 64 * 96 * 4],
      [
        () =>
          tf.mirrorPad(
            x,
            [
              [1, 1],
              [1, 1],
            ],
            "reflect",
          ),
        66 * 96 * 4,
      ],
    ] as const) {
      setLimit(held + bytes);
      assert.throws(() => tf.tidy(() => void compute()), /out of memory/);
      setLimit(Number.POSITIVE_INFINITY);
      assert.equal(heldBytes(), held);
    }
    x.dispose();
  });

  it("never wait in a training of tfjs' own layers", async () => {
    const model = tf.sequential();
    model.add(tf.layers.dense({ units: 64, activation: "relu", inputShape: [128] }));
    model.add(tf.layers.dense({ units: 10, activation: "softmax" }));
    const optimizer = tf.train.adam(0.01);
    const x = random([640, 128]) as tf.Tensor2D;
    const labels = tf.oneHot(tf.argMax(tf.slice(x, [0, 0], [640, 10]), 1), 10);
    const loss = () => tf.losses.softmaxCrossEntropy(labels, model.apply(x) as tf.Tensor) as tf.Scalar;
    const first = optimizer.minimize(loss, true)!;
    resetCounts();
    for (let i = 0; i < 5; i++) optimizer.minimize(loss);
    const last = optimizer.minimize(loss, true)!;
    assert.equal(counts.waits, 0);
    assert.ok((await last.data())[0]! < (await first.data())[0]!);
    tf.dispose([x, labels, first, last]);
    model.dispose();
    optimizer.dispose();
  });
});
