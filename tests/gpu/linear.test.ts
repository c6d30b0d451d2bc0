/** Linear layers, embedding, and the fused head and loss on the GPU, against the CPU ops. */
import assert from "node:assert/strict";
import type { HostBuffers, NativeLinear } from "../../lib/native/addon.js";
import { quantizeNf4 } from "../../lib/quant/nf4.js";
import { randomLora } from "../lib/native/reference/layers.js";
import { normal } from "../lib/native/reference/random.js";
import { allowed, close, closeInNorm, cpu, cuda, down, empty, onGpu, REALS, up, zeros } from "./device.js";
import { linearOnDevice } from "./layers.js";

const OFF = { training: false, seed: 0 };

function random(inFeatures: number, outFeatures: number, part: Partial<NativeLinear<HostBuffers>> = {}) {
  const values = normal(1, inFeatures * outFeatures, 1 / Math.sqrt(inFeatures));
  const dense: NativeLinear<HostBuffers> = {
    inFeatures,
    outFeatures,
    weight: { kind: "dense", values },
    bias: null,
    lora: null,
    ...part,
  };
  const state = quantizeNf4(values, { shape: [outFeatures, inFeatures], variant: "cuda" });
  return { dense, nf4: { ...dense, weight: { kind: "nf4", state } } as NativeLinear<HostBuffers> };
}

onGpu("CUDA linear layer", () => {
  for (const [rows, inFeatures, outFeatures] of [
    [45, 100, 37],
    [1, 512, 300],
    [3, 512, 300],
    [130, 512, 300],
  ] as const)
    for (const kind of ["dense", "nf4"] as const)
      for (const dropout of [0, 0.3])
        it(`${kind} [${outFeatures}, ${inFeatures}], ${rows} rows, dropout ${dropout}`, () => {
          const name = `linear ${kind} ${rows} x ${outFeatures} x ${inFeatures} dropout ${dropout}`;
          const lora = randomLora(4, inFeatures, outFeatures, 8, dropout);
          const layer = random(inFeatures, outFeatures, { bias: normal(6, outFeatures), lora })[kind];
          const options = { training: dropout > 0, seed: 77 };
          const [x, dy] = [normal(2, rows * inFeatures), normal(3, rows * outFeatures)];
          const [y, dx] = [new Float32Array(dy.length), new Float32Array(x.length)];
          const gradient = { a: new Float32Array(lora.a.length), b: new Float32Array(lora.b.length) };
          const handle = cpu.createLinear(layer);
          cpu.linearForward(handle, x, y, options);
          cpu.linearBackward(handle, x, dy, dx, gradient, options);
          for (const dtype of REALS) {
            const twin = cuda.createLinear(linearOnDevice(layer, dtype));
            const [to, input] = [empty(y.length, dtype), empty(x.length, dtype)];
            const sums = { a: zeros(lora.a.length), b: zeros(lora.b.length) };
            cuda.linearForward(twin, up(x, dtype), to, options);
            cuda.linearBackward(twin, up(x, dtype), up(dy, dtype), input, sums, options);
            const [check, tolerance] =
              dtype === "f32" ? ([close, 5e-6] as const) : ([closeInNorm, allowed(dtype, 1e-2)] as const);
            check(`${name} ${dtype} y`, down(to), y, tolerance);
            check(`${name} ${dtype} dx`, down(input), dx, tolerance);
            check(`${name} ${dtype} dA`, down(sums.a), gradient.a, tolerance);
            check(`${name} ${dtype} dB`, down(sums.b), gradient.b, tolerance);
          }
        });

  it("looks rows up, dense and NF4", () => {
    const { dense, nf4 } = random(96, 500);
    const ids = Int32Array.of(3, 499, 0, 3);
    for (const layer of [dense, nf4]) {
      const y = new Float32Array(4 * 96);
      cpu.embedding(cpu.createLinear(layer), ids, y);
      const to = empty(y.length);
      cuda.embedding(cuda.createLinear(linearOnDevice(layer)), ids, to);
      assert.deepEqual(down(to), y);
    }
    const table = cuda.createLinear(linearOnDevice(dense));
    assert.throws(() => cuda.embedding(table, Int32Array.of(500), empty(96)), /ids\[0\] is 500/);
  });
});

onGpu("CUDA linear cross-entropy", () => {
  for (const [vocabulary, rows, width, size] of [
    [50, 33, 24, 1],
    [5003, 1500, 64, 1],
    [32000, 5000, 64, 1],
    [50, 33, 24, 300],
  ] as const)
    it(`vocabulary ${vocabulary}, ${rows} rows, logits of size ${size}`, () => {
      const name = `cross-entropy ${vocabulary} x ${rows} size ${size}`;
      const { dense } = random(width, vocabulary);
      const hidden = normal(2, rows * width, size);
      const labels = Int32Array.from({ length: rows }, (_, i) => (i % 5 === 3 ? -100 : (i * 7919) % vocabulary));
      const cuSeqlens = Int32Array.of(0, 1, 1, 17, rows);
      const dHidden = new Float32Array(hidden.length);
      const expected = cpu.linearCrossEntropy(cpu.createLinear(dense), hidden, labels, cuSeqlens, 0.5, dHidden);
      for (const dtype of REALS) {
        const head = cuda.createLinear(linearOnDevice(dense, dtype));
        const gradient = empty(hidden.length, dtype);
        const actual = cuda.linearCrossEntropy(head, up(hidden, dtype), labels, cuSeqlens, 0.5, gradient);
        const tolerance = (wide: number, inBf16: number) => (dtype === "f32" ? wide : allowed(dtype, inBf16));
        assert.equal(actual.count, expected.count);
        closeInNorm(`${name} ${dtype} loss`, [actual.lossSum], [expected.lossSum], tolerance(1e-6, 2e-3));
        closeInNorm(`${name} ${dtype} gradient`, down(gradient), dHidden, tolerance(2e-5, size > 1 ? 0.2 : 1e-2));
        const [sum] = [zeros(1)];
        assert.equal(
          cuda.linearCrossEntropyQueued(head, up(hidden, dtype), labels, cuSeqlens, 0.5, null, sum),
          expected.count,
        );
        assert.equal(down(sum)[0], actual.lossSum);
      }
    });

  it("counts nothing where nothing is labelled", () => {
    const head = cuda.createLinear(linearOnDevice(random(8, 16).dense));
    const gradient = empty(24);
    const result = cuda.linearCrossEntropy(
      head,
      up(normal(1, 24)),
      Int32Array.of(1, -100, 2),
      Int32Array.of(0, 2, 3),
      1,
      gradient,
    );
    assert.deepEqual(result, { lossSum: 0, count: 0 });
    assert.deepEqual(down(gradient), new Float32Array(24));
  });

  it("is linearForward and softmax otherwise", () => {
    const head = cuda.createLinear(linearOnDevice(random(16, 40).nf4));
    const logits = empty(3 * 40);
    cuda.linearForward(head, up(normal(2, 48), "bf16"), logits, OFF);
    assert.ok(down(logits).every(Number.isFinite));
  });
});
