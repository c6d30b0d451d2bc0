/** Where values live on the backend "cuda", and that JavaScript waits for the GPU only to read them. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { dequantizeNf4, quantizeNf4 } from "../../../../lib/quant/nf4.js";
import { initBackend, isBfloat16Supported } from "../../../../lib/tensor/backend.js";
import { activeCuda, type CudaBackend } from "../../../../lib/tensor/cuda/backend.js";
import { tensorPieces, tensorValues } from "../../../../lib/tensor/cuda/pieces.js";
import { DeviceQuantState } from "../../../../lib/tensor/cuda/quantState.js";
import { moveTableToHost, tensorMemory } from "../../../../lib/tensor/memory.js";
import { decoderLayer, embedding, linearCrossEntropy, rmsNorm } from "../../../../lib/tensor/ops.js";
import { Parameter } from "../../../../lib/tensor/parameter.js";
import { clipFactor, gradientNorm } from "../../../../lib/train/optim/clip.js";
import { createOptimizer } from "../../../../lib/train/optim/create.js";
import { use } from "../backends.js";
import { assertNear } from "../compare.js";
import { disposeLayer, packed, randomLayer, randomWeight, values } from "../tinyLayer.js";
import { counts, heldBytes, resetCounts, setLimit } from "./fakeCuda.js";

const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };

describe('the backend "cuda", over CPU ops', () => {
  let backend: CudaBackend;
  before(async () => {
    await use("cuda");
    backend = activeCuda()!;
  });

  it("keeps a tensor on the host until an op needs it, and frees its buffer with it", () => {
    const x = tf.tensor2d(values(12, 1), [3, 4]);
    assert.equal(backend.storage(x.dataId).device, null);
    const before = heldBytes();
    backend.buffer(x);
    assert.equal(heldBytes() - before, 48);
    const copy = tf.clone(x);
    x.dispose();
    assert.deepEqual([...copy.dataSync()], [...values(12, 1)]);
    copy.dispose();
    assert.equal(heldBytes(), before);
  });

  it("holds values that a cast on another backend shares in the types of both", async () => {
    await use("cpu");
    const ids = tf.tensor1d([1, 2, 2 ** 24 + 1], "int32");
    const floats = tf.cast(ids, "float32");
    await use("cuda");
    const held = heldBytes();
    assert.equal(backend.buffer(floats).dtype, "f32");
    tf.tidy(() => {
      const sum = tf.add(tf.argMax(floats), ids);
      assert.deepEqual([...sum.dataSync()], [3, 4, 2 ** 24 + 3]);
      assert.ok(ids.dataSync() instanceof Int32Array);
    });
    assert.equal(heldBytes(), held + 24);
    tf.dispose([ids, floats]);
    assert.equal(heldBytes(), held);
  });

  it("changes a variable in place, but not the tensors that share its values", () => {
    const start = tf.tensor1d([1, 2]);
    const variable = tf.variable(start);
    backend.cuda.fill(backend.ownBuffer(variable, "adapters"), 5);
    assert.deepEqual([...start.dataSync()], [1, 2]);
    assert.deepEqual([...variable.dataSync()], [5, 5]);
    start.dispose();
    const own = backend.ownBuffer(variable, "adapters");
    assert.equal(backend.ownBuffer(variable, "adapters"), own);
    variable.dispose();
  });

  it("never waits in a training step but to read loss and norm, and gives the step's memory back", async () => {
    const layer = randomLayer({ kind: "nf4" });
    const batch = packed([5, 9]);
    const [table, norm] = [tf.tensor2d(values(50 * 32, 9), [50, 32]), tf.ones([32]) as tf.Tensor1D];
    const head = randomWeight(50, 32, "dense", 4);
    const parameters = Object.values(layer.projections).flatMap(({ lora }) => [lora!.a, lora!.b]);
    const optimizer = createOptimizer("adamw_8bit", parameters, ADAM);
    const step = async () => {
      const loss = tf.tidy(() => {
        const run = tf.valueAndGrad((x: tf.Tensor) => {
          const hidden = decoderLayer(x as tf.Tensor2D, layer, batch, { saving: "all", training: true });
          return linearCrossEntropy(rmsNorm(hidden, norm, 1e-6), head, batch, 10);
        });
        return run(embedding(batch.inputIds, table)).value;
      });
      const [value] = await loss.data();
      loss.dispose();
      await optimizer.step(1e-2, clipFactor(await gradientNorm(parameters), 1));
      for (const parameter of parameters) parameter.zeroGrad();
      return value!;
    };
    const first = await step();
    const held = heldBytes();
    resetCounts();
    const losses = [await step(), await step()];
    assert.equal(counts.waits, 0);
    assert.equal(counts.ops.adamw8bit, 2);
    assert.ok(losses[1]! < losses[0]! && losses[0]! < first, `${first}, ${losses.join(", ")}`);
    assert.equal(heldBytes(), held);
    assert.equal(tensorMemory().gpu!.owners.optimizer.inUse > 0, true);
    optimizer.dispose!();
    disposeLayer(layer);
    tf.dispose([table, norm, head.kind === "dense" ? head.values : []]);
  });

  it("scales a gradient by a number of the GPU without waiting for it", async () => {
    const batch = packed([5]);
    const gradient = async (name: "cuda" | "cpu-native") => {
      await use(name);
      const head = randomWeight(50, 32, "dense", 4);
      const squared = (x: tf.Tensor) => tf.square(linearCrossEntropy(x as tf.Tensor2D, head, batch, 4));
      const x = tf.tensor2d(values(5 * 32, 3), [5, 32]);
      resetCounts();
      const result = tf.tidy(() => tf.grad(squared)(x));
      if (name === "cuda") assert.equal(counts.waits, 0);
      tf.dispose([x, head.kind === "dense" ? head.values : []]);
      return result;
    };
    const expected = (await gradient("cpu-native")).dataSync();
    assertNear(await gradient("cuda"), expected, 1e-6, "gradient");
  });

  it("says what helps when there is no memory for an optimizer", () => {
    const parameter = new Parameter("p", tf.zeros([5000]));
    const held = heldBytes();
    setLimit(held + 6000);
    try {
      const make = (kind: "adamw_8bit" | "adamw_torch") => createOptimizer(kind, [parameter], ADAM);
      assert.throws(
        () => make("adamw_torch"),
        /out of memory[\s\S]*adamw_torch was being made\. Set optim: "adamw_8bit"/,
      );
      assert.throws(() => make("adamw_8bit"), /out of memory[\s\S]*adamw_8bit was being made\. Lower r/);
      assert.equal(heldBytes(), held);
    } finally {
      setLimit(Number.POSITIVE_INFINITY);
    }
    parameter.dispose();
  });

  it("has the optimizers' states of the CPU, to save and to go on with", async () => {
    for (const kind of ["adamw_8bit", "adamw_torch"] as const) {
      const updated = async (name: "cuda" | "cpu-native") => {
        await use(name);
        const initial = tf.tensor1d(values(5000, 3));
        const parameter = new Parameter("p", initial);
        initial.dispose();
        const optimizer = createOptimizer(kind, [parameter], ADAM);
        parameter.grad = tf.tensor1d(values(5000, 4));
        await optimizer.step(1e-2, 0.5);
        return { parameter, optimizer, entries: await optimizer.stateEntries() };
      };
      const onHost = await updated("cpu-native");
      const onGpu = await updated("cuda");
      assert.deepEqual(onGpu.entries, onHost.entries);
      assert.equal(onGpu.optimizer.stateBytes, onHost.optimizer.stateBytes);
      const data = new Map(onHost.entries.map((entry) => [entry.name, entry.data]));
      const source = {
        read: (name: string) => data.get(name)!,
        readFloat32: (name: string) => new Float32Array(data.get(name)!.slice().buffer),
      };
      const other = createOptimizer(kind, [onGpu.parameter], ADAM);
      other.loadState(1, source as Parameters<typeof other.loadState>[1]);
      assert.deepEqual(await other.stateEntries(), onHost.entries);
      onGpu.parameter.dispose();
      onHost.parameter.dispose();
    }
  });

  it("quantises what it uploads as bitsandbytes does on CUDA, and reads it back", async () => {
    const numbers = values(64 * 96, 8);
    const expected = quantizeNf4(numbers, { shape: [64, 96], variant: "cuda" });
    const uploaded = backend.cuda.upload(numbers);
    const state = await DeviceQuantState.quantize(backend.cuda, uploaded, [64, 96], "float32");
    backend.cuda.dispose(uploaded);
    for (const key of ["packed", "absmax", "nestedAbsmax", "offset", "code"] as const) {
      assert.deepEqual(state[key], expected[key], key);
    }
    resetCounts();
    assert.deepEqual(await state.values(), dequantizeNf4(expected));
    assert.equal(counts.waits, 0);
    state.dispose();
    const plain = quantizeNf4(numbers, { shape: [64, 96], doubleQuant: false });
    const moved = DeviceQuantState.upload(backend.cuda, plain);
    assert.deepEqual([await moved.values(), moved.bytes], [dequantizeNf4(plain), 64 * 48 + 4 * 96]);
    moved.dispose();
  });

  it("reads large values in pieces, from the GPU and from the host", async () => {
    const numbers = values(50, 7);
    for (const onGpu of [false, true]) {
      const tensor = tf.tensor2d(numbers, [5, 10]);
      if (onGpu) backend.buffer(tensor);
      const pieces: number[][] = [];
      for await (const piece of tensorPieces(tensor, 20)) pieces.push([...piece]);
      assert.deepEqual(pieces, [
        [...numbers.subarray(0, 20)],
        [...numbers.subarray(20, 40)],
        [...numbers.subarray(40)],
      ]);
      assert.deepEqual(await tensorValues(tensor), numbers);
      tensor.dispose();
    }
  });

  it("moves a tensor to host memory that ops read, without changing it", () => {
    const table = tf.tensor2d(values(40, 6), [10, 4]);
    const ids = Int32Array.of(3, 0, 3);
    const before = embedding(ids, table).dataSync();
    const held = heldBytes();
    moveTableToHost(table);
    moveTableToHost(table);
    assert.deepEqual([heldBytes() - held, heldBytes("host")], [-160, 160]);
    assert.deepEqual(embedding(ids, table).dataSync(), before);
    assert.deepEqual(table.dataSync(), values(40, 6));
    table.dispose();
    assert.equal(heldBytes("host"), 0);
  });

  it("names its GPU", async () => {
    assert.equal(await initBackend("cuda"), "cuda");
    assert.equal(isBfloat16Supported(), true);
    assert.equal(tf.memory().unreliable, false);
    await initBackend("cpu-native");
    assert.equal(isBfloat16Supported(), false);
  });
});
